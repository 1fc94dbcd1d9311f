internal import Linux

/// A user or a group could not be looked up: whether there is one of that name nobody knows.
package struct LookupFailure: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ subject: String, in file: String, errno number: Int32) {
        description = "\(subject) cannot be looked up in \(file): \(SystemCallError.text(number))"
    }
}
