internal import Model

/// Says what an author most likely did where the YAML library only says what it expected.
enum YAMLAdvice {
    /// The library's complaint about a text, with its cause where that can be seen.
    static func diagnostic(
        _ problem: String,
        at position: TextPosition,
        file: String,
        text: String
    ) -> Diagnostic {
        let lines = text.cut(at: "\n", omittingEmptySubsequences: false)
        if let tab = tab(before: position, in: lines) {
            return Diagnostic(
                file: file,
                position: tab,
                message: "a tab in the indentation; indent with spaces"
            )
        }
        return Diagnostic(file: file, position: position, message: words(problem))
    }

    /// The last tab in front of a line's text, on the line complained of or the one before it.
    private static func tab(before position: TextPosition, in lines: [Substring]) -> TextPosition? {
        for line in [position.line, position.line - 1] where lines.indices.contains(line - 1) {
            let indent = lines[line - 1].prefix { $0 == " " || $0 == "\t" }
            guard let tab = indent.utf8.firstIndex(of: UInt8(ascii: "\t")) else { continue }
            return TextPosition(line: line, column: indent.distance(from: indent.startIndex, to: tab) + 1)
        }
        return nil
    }

    private static func words(_ problem: String) -> String {
        if problem.begins(with: "but found another document") {
            return "a second document begins here (---); a file has one"
        }
        if isAlias(problem) {
            return "\(problem): a text that begins with \"*\" must be quoted, as in \"* /path\""
        }
        if mayBeIndentation(problem) {
            return "\(problem); is the indentation right? Keys of one mapping and items of one list begin in "
                + "one column"
        }
        return problem
    }

    /// What the library says of `*` where a value begins.
    private static func isAlias(_ problem: String) -> Bool {
        problem.begins(with: "did not find expected alphabetic or numeric character")
            || problem.begins(with: "found undefined alias")
    }

    /// What the library says when a line begins in a column where nothing can begin.
    private static func mayBeIndentation(_ problem: String) -> Bool {
        [
            "did not find expected key", "did not find expected '-' indicator",
            "mapping values are not allowed",
        ].contains { problem.begins(with: $0) }
    }
}
