internal import Glibc
package import Linux

/// Something about a copy that could not be done.
package struct CopyFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let error: SystemCallError?
    /// Where in which folder; empty where the error says it.
    package let place: String
    /// What to do now, or why it was refused.
    package let remedy: String

    package init(_ remedy: String, at place: String = "", because error: SystemCallError? = nil) {
        (self.error, self.place, self.remedy) = (error, place, remedy)
    }

    package var description: String {
        let head = [place, error.map { "\($0)" } ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
        guard error != nil else { return head.isEmpty ? remedy : "\(head): \(remedy)" }
        return "\(head)\n\(remedy)"
    }
}
