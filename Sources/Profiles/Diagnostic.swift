/// A place in a text file: line and column from 1, columns counted in Unicode scalars.
package struct TextPosition: Sendable, Hashable, Comparable {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static let start = TextPosition(line: 1, column: 1)

    package static func < (left: TextPosition, right: TextPosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One thing that is wrong in a file, where, and what its author may have meant.
package struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
    package let file: String
    /// The start for an error about the file as a whole, which stands nowhere in it.
    package let position: TextPosition
    /// Whether the position says where to look.
    package let hasPlace: Bool
    /// What is wrong, with the offending text.
    package let message: String
    /// The nearest valid text; nil where nothing is near.
    package let suggestion: String?

    package init(file: String, position: TextPosition?, message: String, suggestion: String? = nil) {
        self.file = file
        self.position = position ?? .start
        hasPlace = position != nil
        self.message = message
        self.suggestion = suggestion
    }

    package var line: Int { position.line }
    package var column: Int { position.column }

    /// `ci.yaml:3:5: unknown key "egres"; did you mean "egress"?`.
    package var description: String {
        let text = (hasPlace ? "\(file):\(line):\(column)" : file) + ": \(message)"
        return suggestion.map { "\(text); did you mean \"\($0)\"?" } ?? text
    }
}

/// The errors of one file while it is read.
///
/// Reading goes on after an error where that is safe, so that an author sees all of them at once; the result is
/// used only when there is none.
package struct Diagnostics: Sendable {
    /// The name that messages carry.
    package let file: String
    package private(set) var all: [Diagnostic] = []

    /// Errors kept for one file; a person reads no more, and a hostile file cannot grow the list.
    package static let maximumCount = 50

    package init(file: String) {
        self.file = file
    }

    /// Whether what is reported from now on is dropped.
    package var isFull: Bool { all.count >= Self.maximumCount }

    /// A suggestion is looked for only where it is kept.
    package mutating func report(
        _ message: @autoclosure () -> String,
        at position: TextPosition,
        suggestion: @autoclosure () -> String? = nil
    ) {
        guard !isFull else { return }
        all.append(
            Diagnostic(file: file, position: position, message: message(), suggestion: suggestion())
        )
    }

    /// Adds what was found in another file (an extended profile).
    package mutating func include(_ others: [Diagnostic]) {
        all.append(contentsOf: others.prefix(max(0, Self.maximumCount - all.count)))
    }

    /// Throws when anything was reported, each file's errors from its top to its end.
    package func check() throws(ProfileError) {
        guard all.isEmpty else { throw ProfileError(diagnostics: sorted) }
    }

    private var sorted: [Diagnostic] {
        var files: [String: Int] = [:]
        for (index, diagnostic) in all.enumerated() where files[diagnostic.file] == nil {
            files[diagnostic.file] = index
        }
        // The standard library's sort is stable: what stands at one place stays as it was found.
        return all.sorted { left, right in
            (files[left.file] ?? 0, left.position) < (files[right.file] ?? 0, right.position)
        }
    }
}

/// A file that did not read whole: nothing runs under it.
package struct ProfileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one, each file's by their lines.
    package let diagnostics: [Diagnostic]

    package init(diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }

    /// An error about a file as a whole.
    package init(file: String, _ message: String, suggestion: String? = nil) {
        self.init(diagnostics: [
            Diagnostic(file: file, position: nil, message: message, suggestion: suggestion)
        ])
    }

    /// One line for each error: `file:line:column: message`, or `file: message` about a file as a whole.
    package var description: String {
        diagnostics.map(\.description).joined(separator: "\n")
    }
}
