/// Variables of an agent's environment that are Bailey's to set, or that none gets.
package enum OwnVariables {
    /// Where an agent is at home.
    package static let place = ["HOME", "USER", "LOGNAME", "TMPDIR", "PATH"]

    /// Variables by which the common TLS stacks are told of a CA bundle, each with its reader.
    package static let bundles = [
        "SSL_CERT_FILE",  // OpenSSL, Go, rustls-native-certs
        "CURL_CA_BUNDLE",  // curl
        "REQUESTS_CA_BUNDLE",  // Python requests
        "PIP_CERT",  // pip
        "NODE_EXTRA_CA_CERTS",  // Node.js
        "GIT_SSL_CAINFO",  // git
        "PGSSLROOTCERT",  // libpq
        "AWS_CA_BUNDLE",  // AWS SDKs
        "CARGO_HTTP_CAINFO",  // cargo
        "DENO_CERT",  // Deno
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",  // gRPC, which carries its own roots otherwise
    ]

    /// How many settings git finds in its environment (git-config(1)); those themselves are numbered.
    package static let gitSettings = "GIT_CONFIG_COUNT"

    /// Never passed, not even by name: they would point the agent's programs at a proxy that is not there.
    package static let never = [
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY", "GRPC_PROXY", "http_proxy",
        "https_proxy",
        "all_proxy", "no_proxy", "ftp_proxy", "grpc_proxy", "NODE_USE_ENV_PROXY",
    ]

    /// Whether a placeholder may stand under this name: the agent's programs would take it for something else.
    package static func areFree(for name: String) -> Bool {
        !(place + bundles + never + [gitSettings]).holds(bytes: name)
            && !["GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"].contains { name.begins(with: $0) }
    }
}
