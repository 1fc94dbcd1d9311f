import Foundation
import Testing

/// Registries of packages as nginx serves them, from files alone: of pip, npm, cargo, Go and apt, with one package each.
enum PackageIndex {
    private static let shared = Result { try make() }

    /// The folder that nginx has as `/v1/packages/`, with the registries in it.
    static func made() throws -> String { try shared.get() }

    private static func make() throws -> String {
        let servers = try Servers.started()
        let folder = servers.folder + "/packages"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let outcome = try Command.run(
            ["python3", "-c", program, "https://allowed.test:\(servers.http2Port)/v1/packages"],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: folder
        )
        try #require(outcome.code == 0, "\(outcome)")
        return folder
    }

    private static let program = #"""
        import base64, hashlib, io, json, os, sys, tarfile, zipfile
        base = sys.argv[1]

        def write(path, data):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file: file.write(data if isinstance(data, bytes) else data.encode())

        def zipped(files):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                for name, text in files.items(): archive.writestr(name, text)
            return out.getvalue()

        def tarred(files):
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode="w:gz") as archive:
                for name, text in files.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(text)
                    archive.addfile(entry, io.BytesIO(text.encode()))
            return out.getvalue()

        # PEP 503, PEP 427.
        info = "example_package-1.0.dist-info/"
        wheel = "example_package-1.0-py3-none-any.whl"
        write("pip/example-package/" + wheel, zipped({
            "example_package.py": "print('from pip')\n",
            info + "METADATA": "Metadata-Version: 2.1\nName: example-package\nVersion: 1.0\n",
            info + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", info + "RECORD": ""}))
        write("pip/example-package/index.html", "<a href=\"%s\">%s</a>" % (wheel, wheel))

        # A scoped name is asked for as @acme%2fexample.
        package = {"name": "@acme/example", "version": "1.0.0", "main": "index.js"}
        archive = tarred({"package/package.json": json.dumps(package),
                          "package/index.js": "console.log('from npm')\n"})
        write("npm-files/example.tgz", archive)
        package["dist"] = {"tarball": base + "/npm-files/example.tgz",
                           "integrity": "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()}
        write("npm/@acme/example", json.dumps({
            "name": "@acme/example", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": package}}))

        # The sparse protocol of cargo's registries.
        crate = tarred({"example-crate-1.0.0/Cargo.toml": "[package]\nname = \"example-crate\"\nversion = \"1.0.0\"\n",
                        "example-crate-1.0.0/src/lib.rs": ""})
        write("crates/example-crate", crate)
        write("cargo/config.json", json.dumps({"dl": base + "/crates/{crate}"}))
        write("cargo/ex/am/example-crate", json.dumps({
            "name": "example-crate", "vers": "1.0.0", "deps": [], "features": {}, "yanked": False,
            "cksum": hashlib.sha256(crate).hexdigest()}) + "\n")

        # The protocol of Go's module proxies.
        module = "go/example.test/module/@v/"
        text = "module example.test/module\n"
        write(module + "list", "v1.0.0\n")
        write(module + "v1.0.0.info", json.dumps({"Version": "v1.0.0", "Time": "2024-01-01T00:00:00Z"}))
        write(module + "v1.0.0.mod", text)
        write(module + "v1.0.0.zip", zipped({"example.test/module@v1.0.0/go.mod": text,
                                             "example.test/module@v1.0.0/module.go": "package module\n"}))

        # A flat repository of apt's.
        write("apt/Packages", "Package: example\nVersion: 1.0\nArchitecture: all\nFilename: ./example.deb\nSize: 5\n"
              "SHA256: %s\nMaintainer: T <t@t.test>\nDescription: an example\n" % hashlib.sha256(b"a deb").hexdigest())
        write("apt/example.deb", b"a deb")
        """#
}
