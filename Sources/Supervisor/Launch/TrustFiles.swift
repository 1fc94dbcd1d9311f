/// The files by which an agent's programs trust the gateway's certificates without being told.
package enum TrustFiles {
    /// Debian's bundle, which OpenSSL, GnuTLS, curl, git, Go and Node.js read or are pointed at.
    package static let bundlePath = "/etc/ssl/certs/ca-certificates.crt"
    /// Debian's Java truststore.
    package static let javaPath = "/etc/ssl/certs/java/cacerts"
    /// Where Chromium and Chrome read what the machine's administrator has set, with the folder that says that they are here.
    package static let browserPolicies = [
        (folder: "/etc/chromium", path: "/etc/chromium/policies/managed/bailey.json"),
        (folder: "/etc/opt/chrome", path: "/etc/opt/chrome/policies/managed/bailey.json"),
    ]
}
