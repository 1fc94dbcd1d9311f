// swift-tools-version: 6.2
import PackageDescription

// Arrows point down only; see ARCHITECTURE.md. Each floor may name the floors below it and nothing else, and
// the build refuses an import that is not declared here (`make build` passes
// --explicit-target-dependency-import-check error).

/// One folder under Sources/Protocols each; adding a protocol is one word here.
let protocols = ["HTTP", "HTTP2", "WebSocket", "Git", "SOCKS", "TLS", "DNS", "Postgres"]
/// Those that carry the opening of a WebSocket.
let carriers: Set = ["HTTP", "HTTP2"]

let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let hpack = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")

/// The release binaries are static: no dynamic loader at start-up, which is most of a small program's
/// launch time (see docs/specification.md, "Start-up"), and nothing that could be put in a library's place.
///
/// bailey-core, which reads what agents and upstreams send, lies at another address in each start: a static-pie, whose
/// 130,000 pointers it relocates itself, packed (RELR), which gold cannot.
let staticCore: [LinkerSetting] = [
    .unsafeFlags([
        "-static-executable", "-use-ld=lld", "-Xclang-linker", "-static-pie",
        "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "-z", "-Xlinker", "now",
        "-Xlinker", "--gc-sections", "-Xlinker", "--start-group",
        "-lFoundation", "-lFoundationInternationalization", "-lFoundationEssentials", "-lCoreFoundation",
        "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections", "-lswiftSynchronization",
        "-lswift_RegexParser", "-lswift_StringProcessing", "-lswift_Concurrency", "-lstdc++", "-lm",
        "-Xlinker", "--end-group",
    ])
]

/// C is what runs beside hostile programs: its frames are guarded, and its calls with buffers checked.
let hardened: [CSetting] = [
    .unsafeFlags(["-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"])
]

/// What asks for a launch relocates nothing: its start is paid at each.
let staticClient: [LinkerSetting] = [
    .unsafeFlags([
        "-static-executable", "-Xlinker", "--gc-sections", "-Xlinker", "--start-group",
        "-lswiftSynchronization", "-lswift_RegexParser", "-lswift_StringProcessing", "-lswift_Concurrency",
        "-lstdc++",
        "-lm", "-Xlinker", "--end-group", "-Xlinker", "-s",
    ])
]

let package = Package(
    name: "bailey",
    products: [
        .executable(name: "bailey", targets: ["bailey"]),
        .executable(name: "bailey-core", targets: ["bailey-core"]),
        .executable(name: "bailey-init", targets: ["bailey-init"]),
        .executable(name: "bailey-saml", targets: ["bailey-saml"]),
        .executable(name: "bailey-postgres", targets: ["bailey-postgres"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // The floor: the kernel.
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CSandbox", cSettings: hardened),
        .target(name: "Linux", dependencies: ["CSandbox"]),
        .executableTarget(
            name: "bailey-init",
            path: "Sources/Init",
            // Without a C library there is no thread storage, where a stack's canary is kept.
            cSettings: [.unsafeFlags(["-ffreestanding", "-fno-stack-protector"])],
            linkerSettings: [
                .unsafeFlags([
                    "-static-executable", "-nostartfiles", "-Xclang-linker", "-nostdlib",
                    "-Xlinker", "--gc-sections", "-Xlinker", "-s",
                ])
            ]
        ),

        // Reads assertions of SAML in a process of its own: libxml2 and libxmlsec1, of which Debian's headers have no module.
        .executableTarget(
            name: "bailey-saml",
            path: "Sources/SAML",
            cSettings: hardened + [
                .unsafeFlags([
                    "-I/usr/include/xmlsec1", "-I/usr/include/libxml2", "-DXMLSEC_CRYPTO_OPENSSL=1",
                    "-DXMLSEC_NO_SIZE_T",
                    "-DXMLSEC_OPENSSL3_ENGINES=1", "-DXMLSEC_NO_GOST=1", "-DXMLSEC_NO_GOST2012=1",
                    "-DXMLSEC_NO_CRYPTO_DYNAMIC_LOADING=1", "-D__XMLSEC_FUNCTION__=__func__",
                ])
            ],
            linkerSettings: [
                .unsafeFlags([
                    "-static-executable", "-use-ld=lld", "-Xclang-linker", "-static-pie", "-Xlinker",
                    "--gc-sections",
                    "-Xlinker", "-s", "-lxmlsec1-openssl", "-lxmlsec1", "-lxml2", "-lcrypto", "-lseccomp",
                    "-lz", "-llzma", "-lm",
                ])
            ]
        ),

        // The vocabulary.
        .target(name: "Model"),

        // Speaks to PostgreSQL by the distribution's libpq, which is shared, in a process of its own.
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "PostgresLink", dependencies: ["Model", "Linux"]),
        .executableTarget(
            name: "bailey-postgres",
            dependencies: ["PostgresLink", "CPostgres"],
            path: "Sources/PostgresClient",
            linkerSettings: [
                .unsafeFlags(["-static-stdlib", "-Xlinker", "--gc-sections", "-Xlinker", "-s"])
            ]
        ),

        // Pure and synchronous.
        .target(name: "Policy", dependencies: ["Model"]),
        .target(
            name: "Profiles",
            dependencies: ["Model", "Policy", "Statements", "Yams", crypto],
            // Links to profiles: the policies and the table of what the host runs as they are at build time are in the program.
            resources: [
                .embedInCode("SystemCalls/x86_64.json"), .embedInCode("SystemCalls/strict-x86_64.json"),
                .embedInCode("HostRuns/host-runs.tsv"),
            ]
        ),
        .systemLibrary(name: "CVectorscan", pkgConfig: "libhs", providers: [.apt(["libvectorscan-dev"])]),
        .target(name: "Literals", dependencies: ["CVectorscan"]),
        .target(name: "Masking", dependencies: ["Model", "Literals", "Wire", nio]),
        .target(name: "Signing", dependencies: ["Model", crypto]),
        // PostgreSQL's own parser (libpg_query), which writes its trees as JSON.
        .target(
            name: "CPgQuery",
            cSettings: hardened,
            linkerSettings: ["pg_query", "protobuf-c"].map { .linkedLibrary($0) }
        ),
        .target(
            name: "Statements",
            dependencies: ["Model", "CPgQuery"],
            // What the parser's nodes have in them, and which functions only compute: see tools/statements.
            resources: [
                .embedInCode("Tree/shapes.tsv"), .embedInCode("harmless.txt"), .embedInCode("values.txt"),
                .embedInCode("columns.txt"),
            ]
        ),
        .target(name: "Wire", dependencies: ["Model", "Literals", nio]),
        .target(
            name: "CCodings",
            cSettings: hardened,
            linkerSettings: ["z", "brotlidec", "brotlicommon", "zstd"].map { .linkedLibrary($0) }
        ),
        .target(name: "Reflection", dependencies: ["Model", "Masking", "Wire", "Literals", "CCodings", nio]),

        // Does I/O; siblings meet only through Model's ports.
        .target(
            name: "Sandbox",
            dependencies: ["Model", "Policy", "Linux", "CSandbox", "CSeccomp"],
            // The policy that every agent runs under, compiled: see SeccompFilter.builtIn.
            resources: [.embedInCode("Seccomp/default-x86_64.bpf")]
        ),
        .target(
            name: "Gateway",
            dependencies: [
                "Model", "Policy", "Wire", "Reflection", "Statements", "Linux", crypto, nio, nioPosix,
                nioHTTP1, nioHTTP2,
                hpack,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ] + protocols.map { .target(name: "\($0)Protocol") }
        ),
        .target(name: "Copies", dependencies: ["Model", "Linux", "CSandbox"]),
        .target(name: "Approvals", dependencies: ["Model"]),
        .target(
            name: "Identity",
            dependencies: [
                "Model", "Linux", crypto, .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ]
        ),
        .target(name: "Credentials", dependencies: ["Model", "Profiles", "Linux", crypto, "Yams"]),
        .target(
            name: "Audit",
            dependencies: [
                "Model", "Masking", "Linux", "PostgresLink", crypto,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]
        ),

        // Asks a supervisor for launches; no Foundation.
        .target(name: "Client", dependencies: ["Model", "Linux", "CSandbox"]),
        .executableTarget(
            name: "bailey",
            dependencies: ["Client", "Linux"],
            linkerSettings: staticClient
        ),

        // Wires everything below together.
        .target(
            name: "Supervisor",
            dependencies: [
                "Client", "Model", "Masking", "Reflection", "Policy", "Profiles", "Linux", "CSandbox",
                "Sandbox", "Gateway", "Identity",
                "Credentials", "Audit", "Copies", "Approvals", "PostgresLink", crypto,
            ]
        ),
        .executableTarget(
            name: "bailey-core",
            dependencies: [
                "Supervisor", "Client", "Sandbox", "Audit", "Copies", "Credentials", "Identity", "Policy",
                "Profiles", "PostgresLink",
                "Masking", "Model", "Linux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Commands",
            linkerSettings: staticCore
        ),
    ]
        + protocols.map {
            .target(
                name: "\($0)Protocol",
                dependencies: ["Model", "Wire", "Reflection", "Masking", nio, nioHTTP1]
                    + ($0 == "HTTP2" ? [hpack] : []) + ($0 == "HTTP" ? ["Signing", "GitProtocol"] : [])
                    + ($0 == "WebSocket" ? [crypto] : [])
                    + ($0 == "Postgres" ? [crypto, cryptoExtras] : [])
                    + (carriers.contains($0) ? ["WebSocketProtocol"] : []),
                path: "Sources/Protocols/\($0)",
                exclude: ["README.md"],
                // Which characters a password may have: see tools/saslprep.
                resources: $0 == "Postgres" ? [.embedInCode("saslprep.tsv")] : nil
            )
        }
        + [
            .testTarget(name: "ModelTests", dependencies: ["Model", "TestSupport"]),
            .testTarget(name: "LiteralsTests", dependencies: ["Literals"]),
            .testTarget(name: "StatementsTests", dependencies: ["Statements", "Model", "TestSupport"]),
            .testTarget(name: "SigningTests", dependencies: ["Signing", "Model", "TestSupport"]),
            .testTarget(
                name: "MaskingTests",
                dependencies: ["Masking", "Literals", "Model", "TestSupport", nio]
            ),
            .testTarget(
                name: "PolicyTests",
                dependencies: ["Policy", "PolicySupport", "Model", "TestSupport"]
            ),
            .testTarget(
                name: "ProfilesTests",
                dependencies: ["Profiles", "Policy", "PolicySupport", "Model", "TestSupport"]
            ),
            .testTarget(name: "WireTests", dependencies: ["Wire", "Model", "TestSupport", nio]),
            .testTarget(name: "ReflectionTests", dependencies: ["Reflection", "Model", "TestSupport", nio]),
            .testTarget(name: "LinuxTests", dependencies: ["Linux"]),
            .testTarget(name: "PostgresLinkTests", dependencies: ["PostgresLink"]),
            .testTarget(
                name: "SandboxTests",
                dependencies: ["Sandbox", "Profiles", "Policy", "Model", "Linux", "CSandbox"]
            ),
            .testTarget(
                name: "GatewayTests",
                dependencies: ["Gateway", "Wire", "Policy", "Model", "Linux", nio, nioPosix]
            ),
            .testTarget(name: "ApprovalsTests", dependencies: ["Approvals", "Model"]),
            .testTarget(
                name: "AuditTests",
                dependencies: ["Audit", "PostgresLink", "Masking", "Model", "Linux", "TestSupport", crypto]
            ),
            .testTarget(
                name: "IdentityTests",
                dependencies: [
                    "Identity", "Model", "TestSupport", "AssertionSupport", crypto, cryptoExtras,
                    .product(name: "JWTKit", package: "jwt-kit"),
                    .product(name: "SwiftASN1", package: "swift-asn1"),
                    .product(name: "X509", package: "swift-certificates"),
                ]
            ),
            .testTarget(
                name: "CredentialsTests",
                dependencies: ["Credentials", "Profiles", "Model", "Linux", "TestSupport"]
            ),
            .testTarget(
                name: "SupervisorTests",
                dependencies: [
                    "Supervisor", "Client", "Sandbox", "Policy", "Profiles", "Identity", "Model", "Linux",
                    "TestSupport",
                ]
            ),
            .target(name: "TestSupport", dependencies: [nio], path: "Tests/Support"),
            .target(name: "AssertionSupport", dependencies: ["TestSupport"], path: "Tests/AssertionSupport"),
            .target(name: "PolicySupport", dependencies: ["Policy"], path: "Tests/PolicySupport"),
            .testTarget(
                name: "EndToEndTests",
                dependencies: ["TestSupport", "AssertionSupport", "Model", "Linux"]
            ),
            .testTarget(
                name: "EscapeTests",
                dependencies: ["TestSupport", "Model", "Linux"],
                exclude: ["Attackers"]
            ),
        ]
        + protocols.map {
            .testTarget(
                name: "\($0)ProtocolTests",
                dependencies: [
                    .target(name: "\($0)Protocol"), "Wire", "Model", "TestSupport", nio, nioHTTP1,
                    .product(name: "NIOEmbedded", package: "swift-nio"),
                ] + ($0 == "HTTP2" ? [hpack] : [])
                    + ($0 == "WebSocket" ? [.product(name: "NIOWebSocket", package: "swift-nio")] : [])
                    + ($0 == "HTTP" ? ["WebSocketProtocol"] : [])
                    + ($0 == "Postgres" ? [nioPosix] : [])
            )
        },
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
    // They drive programs and wait for them; optimised, this target alone compiles for six minutes.
    if target.name == "EndToEndTests" { target.swiftSettings?.append(.unsafeFlags(["-Onone"])) }
    // Tests call the C library at ease; what ships marks every unsafe use.
    if target.type != .test && !["TestSupport", "AssertionSupport"].contains(target.name) {
        target.swiftSettings?.append(.strictMemorySafety())
    }
}

// `BAILEY_ONLY=Policy,PolicyTests swift build --build-tests` builds those targets and what they name, nothing
// else: for working on one floor without waiting for the others.
if let only = Context.environment["BAILEY_ONLY"] {
    var wanted = Set(only.split(separator: ",").map(String.init))
    var found = 0
    while found != wanted.count {
        found = wanted.count
        for target in package.targets where wanted.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies { wanted.insert(name) }
            for case .targetItem(let name, _) in target.dependencies { wanted.insert(name) }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products = []
}
