internal import Yams

/// A YAML file read strictly, every value with its position. How to read one:
///
/// ```swift
/// let document = try YAMLDocument(text, file: "bailey.yaml")        // throws ProfileError with positions
/// var errors = Diagnostics(file: "bailey.yaml")
/// if let top = document.root.mapping("the configuration", keys: ["bailey", "listen"], &errors) {
///     let listen = top["listen"]?.text("listen", &errors)           // nil and an error for another type
///     let roots = top["roots"]?.texts("roots", &errors) ?? []       // [YAMLText] with positions
///     for entry in top["resolve"]?.entries("resolve", &errors) ?? [] { … entry.key, entry.keyPosition, entry.value }
/// }
/// try errors.check()                                                // throws all of them at once
/// ```
///
/// Refused: duplicate keys, keys that are not plain text, anchors, aliases, tags, merge keys, several documents,
/// control characters, and anything over the limits below. An empty file has the root `null`.
package struct YAMLDocument: Sendable, Hashable {
    package let file: String
    package let root: YAMLNode

    /// Bytes of a file; a long reviewed profile has some 10 KiB.
    package static let maximumSize = 256 * 1024
    /// Collections inside each other; the format itself needs 5.
    package static let maximumDepth = 16
    /// Values of a file.
    package static let maximumNodes = 20_000

    package init(_ text: String, file: String) throws(ProfileError) {
        guard text.utf8.count <= Self.maximumSize else {
            throw ProfileError(file: file, "the file is larger than \(Self.maximumSize / 1024) KiB")
        }
        if let problem = YAMLScreen.problem(in: text) {
            throw ProfileError(diagnostics: [
                Diagnostic(file: file, position: problem.position, message: problem.message)
            ])
        }
        self.file = file
        root = try Self.compose(text, file: file)
    }

    private static func compose(_ text: String, file: String) throws(ProfileError) -> YAMLNode {
        do {
            // Scalars stay text: what is a number or a boolean is read by whoever expects one.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            // A node holds its anchor weakly: the parser must outlive the conversion for anchors to be seen.
            return try withExtendedLifetime(parser) {
                var conversion = YAMLConversion(file: file)
                return try parser.singleRoot().map { try conversion.convert($0, depth: 0) }
                    ?? YAMLNode(.null, at: .start)
            }
        } catch let error as ProfileError {
            throw error
        } catch let error as YamlError {
            throw ProfileError(diagnostics: [error.diagnostic(file: file, text: text)])
        } catch {
            throw ProfileError(file: file, "not readable as YAML: \(error)")
        }
    }
}
