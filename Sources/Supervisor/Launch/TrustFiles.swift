/// The files by which an agent's programs trust the gateway's certificates without being told.
package enum TrustFiles {
    /// Debian's bundle, which OpenSSL, GnuTLS, curl, git, Go and Node.js read or are pointed at.
    package static let bundlePath = "/etc/ssl/certs/ca-certificates.crt"
    /// Debian's Java truststore.
    package static let javaPath = "/etc/ssl/certs/java/cacerts"
    /// Other distributions' names of the bundle, provided where their folder is in the view.
    package static let systemBundles = [
        bundlePath, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    ]
}
