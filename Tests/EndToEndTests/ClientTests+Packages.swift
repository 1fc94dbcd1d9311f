import Foundation
import Testing

// What fetches packages, each from a registry of its own kind.
extension EndToEnd.ClientTests {
    /// Runs an installation from `REGISTRY`, as it is and by a proxy; then from where no rule allows it.
    private func install(
        _ name: String,
        _ script: String,
        shows: String,
        refused: String = "no rule of"
    ) throws {
        _ = try PackageIndex.made()
        let fetch = "export HOME=$(mktemp -d); rm -rf out; mkdir -p out; (\n\(script)\n) 2>&1"
        let outcome = try place.agent(
            """
            echo '== plain'; REGISTRY=\(origin)/v1/packages/\(name); \(fetch)
            echo '== proxied'; export https_proxy=http://127.0.0.1:3128 HTTPS_PROXY=http://127.0.0.1:3128; \(fetch)
            echo '== denied'; REGISTRY=\(origin)/v2/packages/\(name); \(fetch)
            """,
            profile: "web"
        )
        let parts = outcome.output.components(separatedBy: "== ").dropFirst()
        #expect(parts.count == 3, "\(outcome)")
        for part in parts.prefix(2) { #expect(part.contains(shows), "\(outcome)") }
        #expect(parts.last?.contains(refused) == true && parts.last?.contains(shows) == false, "\(outcome)")
        #expect(try servers.requests(with: "/v2/packages/\(name)") == 0)
        #expect(try servers.requests(with: "/v1/packages/\(name)") >= 2)
        #expect(try place.records(["--denied"]).isEmpty == false)
    }

    @Test("J06: pip installs from an index, and says why where it may not")
    func pip() throws {
        try install(
            "pip",
            "pip install -q --disable-pip-version-check --no-cache-dir --retries 0 --target out -i $REGISTRY example-package; "
                + "python3 out/example_package.py",
            shows: "from pip",
            // It tells nobody what an index answers, unless it is asked to.
            refused: "No matching distribution"
        )
    }

    @Test("J06: pip that is given a file's URL shows the reason of its refusal")
    func pipFile() throws {
        try install(
            "pip/example-package",
            "pip install -q --disable-pip-version-check --no-cache-dir --retries 0 --target out "
                + "$REGISTRY/example_package-1.0-py3-none-any.whl; python3 out/example_package.py",
            shows: "from pip"
        )
    }

    @Test(
        "J03: npm installs a scoped package, whose name holds an encoded slash",
        .enabled(if: Programs.has("npm"), "needs npm")
    )
    func npm() throws {
        try install(
            "npm",
            "cd out; npm install --silent --no-audit --no-fund --no-update-notifier --fetch-retries 0 --loglevel error "
                + "--registry $REGISTRY/ @acme/example; node node_modules/@acme/example/index.js",
            shows: "from npm"
        )
    }

    @Test("J07: cargo fetches from a sparse registry", .enabled(if: Programs.has("cargo"), "needs cargo"))
    func cargo() throws {
        // Debian's cargo has sparse registries behind a switch of its unstable features.
        try install(
            "cargo",
            """
            cd out; mkdir -p .cargo src; touch src/lib.rs
            printf '[registries.own]\\nindex = "sparse+%s/"\\n[unstable]\\nsparse-registry = true\\n' $REGISTRY >.cargo/config.toml
            printf '[package]\\nname = "a"\\nversion = "1.0.0"\\n[dependencies]\\nexample-crate = {version = "1", registry = "own"}\\n' >Cargo.toml
            RUSTC_BOOTSTRAP=1 CARGO_NET_RETRY=0 cargo fetch && ls ~/.cargo/registry/cache/*
            """,
            shows: "example-crate-1.0.0.crate"
        )
    }

    @Test(
        "J05: go downloads a module from a proxy of modules",
        .enabled(if: Programs.has("go"), "needs golang-go")
    )
    func goModule() throws {
        try install(
            "go",
            "cd out; export GOFLAGS=-modcacherw GONOSUMDB='*' GOSUMDB=off GOPROXY=$REGISTRY; go mod init a; "
                + "go mod download -json example.test/module@v1.0.0",
            shows: "v1.0.0.zip",
            refused: "403"
        )
    }

    @Test("apt-get updates its lists and downloads a package")
    func apt() throws {
        try install(
            "apt",
            """
            cd out; mkdir -p state/lists/partial cache/archives/partial; touch status
            echo "deb [trusted=yes] $REGISTRY ./" >sources
            cat >apt.conf <<END
            Dir::Etc::SourceList "$PWD/sources"; Dir::Etc::SourceParts "-"; Dir::State "$PWD/state"; Dir::State::status "$PWD/status";
            Dir::Cache "$PWD/cache"; APT::Sandbox::User ""; Acquire::Retries "0";
            END
            export APT_CONFIG=$PWD/apt.conf
            apt-get update && apt-get download example && cat example*.deb
            """,
            shows: "a deb"
        )
    }
}
