package import Audit
internal import Client
internal import Gateway
internal import Glibc
internal import Model

/// Delivers records to an OpenTelemetry collector, with the operator's names, roots and headers.
package struct TelemetryDelivery {
    private let export: TelemetryExport

    /// - Parameters:
    ///   - address: of the collector, `https://…`, or `http://…` on loopback; without a path, OTLP's is meant.
    ///   - configuration: the operator's; nil for `bailey.yaml` at its place.
    ///   - source: what exports.
    /// - Throws: where an address, a header or the configuration cannot be read.
    package init(to address: String, configuration: String?, source: ExportSource) throws {
        let environment = ProcessEnvironment.dictionary
        let directories = StateDirectories(environment: environment, home: HomeFolder.current)
        let machine = try OperatorConfiguration.load(
            file: configuration,
            directory: directories.configuration
        )
        export = TelemetryExport(
            source,
            to: try Self.place(address),
            fields: try CollectorHeaders(environment).fields,
            by: try OperatorClient(
                GatewayConfiguration(
                    loops: 1,
                    resolve: machine.resolve,
                    upstreamRoots: machine.upstreamAuthority
                )
            ),
            // A signal cuts it short, which is no harm.
            waiting: { milliseconds in _ = poll(nil, 0, Int32(clamping: milliseconds)) }
        )
    }

    /// Sends what is selected of a store, and throws `TelemetryFailure` where the collector could not be brought to take it.
    package func send(
        _ selection: RecordSelection,
        of records: RecordExport,
        progress: (TelemetryExport.Outcome) -> Void
    ) throws -> TelemetryExport.Outcome {
        try export.send(selection, of: records, progress: progress)
    }

    private static func place(_ text: String) throws -> WebAddress {
        guard let address = WebAddress(orOnLoopback: text) else {
            throw UnusableAddress(text: text)
        }
        return address.target == "/" ? WebAddress(endpoint: address.endpoint, target: "/v1/logs") : address
    }
}

/// What records cannot be sent to.
struct UnusableAddress: Error, CustomStringConvertible {
    let text: String

    var description: String {
        "'\(TerminalText.escaped(text))' is no place to send to: https://HOST[:PORT][/PATH], or http://localhost:PORT for a server "
            + "on this machine; in the clear nothing goes further"
    }
}

/// A variable with headers cannot be read; what it says is not told, since that is a secret.
struct UnusableHeader: Error, CustomStringConvertible {
    let variable: String
    let entry: Int

    var description: String {
        "\(variable): entry \(entry) is not NAME=VALUE with a header's name and a percent-encoded value"
    }
}

/// Headers for a collector, from the variables that OpenTelemetry's exporters read: `NAME=VALUE,…`, values percent-encoded
/// (opentelemetry.io/docs/specs/otel/protocol/exporter, "Specifying headers via environment variables").
///
/// Not from options: every user of the machine sees those.
struct CollectorHeaders {
    private(set) var fields: [(name: String, value: String)] = []

    /// The second wins.
    private static let variables = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS"]
    /// What the request itself says.
    private static let own: Set = [
        "host", "content-length", "content-type", "transfer-encoding", "connection",
    ]

    init(_ environment: [String: String]) throws {
        for variable in Self.variables {
            for (index, entry) in (environment[variable] ?? "").cut(at: ",").enumerated() {
                guard let field = Self.field(entry) else {
                    throw UnusableHeader(variable: variable, entry: index + 1)
                }
                fields.removeAll { $0.name == field.name }
                fields.append(field)
            }
        }
    }

    private static func field(_ entry: Substring) -> (name: String, value: String)? {
        guard let equals = entry.firstPlace(of: "=") else { return nil }
        let name = trimmed(entry[..<equals]).lowercasedASCII
        guard !name.isEmpty, name.utf8.allSatisfy(isOfToken), !own.contains(name),
            let value = decoded(trimmed(entry.rest(behind: equals))), !value.isEmpty,
            value.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else { return nil }
        return (name, value)
    }

    /// RFC 9110 section 5.6.2.
    private static func isOfToken(_ octet: UInt8) -> Bool {
        (0x30...0x39).contains(octet) || (0x61...0x7a).contains(octet)
            || "!#$%&'*+-.^_`|~".utf8.contains(octet)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.begins(with: " ") { text = text.dropFirst(bytes: 1) }
        while text.ends(with: " ") { text = text.dropLast(bytes: 1) }
        return text
    }

    /// Nil where a percent sign has no two digits behind it, or it is not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                octets.append(octet)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard rest.count >= 2, let value = UInt8(digits, radix: 16), !digits.begins(with: "+") else {
                return nil
            }
            octets.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: octets, as: UTF8.self)
    }
}
