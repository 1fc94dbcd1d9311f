/// What is wrong inside one text value, and where in it.
package struct TextProblem: Error, Sendable, Hashable {
    package let message: String
    package let suggestion: String?
    /// Unicode scalars from the beginning of the text.
    package let offset: Int

    package init(_ message: String, suggestion: String? = nil, offset: Int = 0) {
        self.message = message
        self.suggestion = suggestion
        self.offset = offset
    }
}

extension Diagnostics {
    /// Reports a problem inside a text at the column where it is.
    package mutating func report(_ problem: TextProblem, in node: YAMLNode) {
        report(problem.message, at: node.position(offset: problem.offset), suggestion: problem.suggestion)
    }
}
