internal import CSandbox

/// A system call that failed: which, on what, and how.
package struct SystemCallError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call, as its manual page is named.
    package let stage: String
    /// What it was done to.
    package let object: String
    /// errno(3).
    package let errno: Int32

    package init(stage: String, object: String, errno: Int32) {
        self.stage = stage
        self.object = object
        self.errno = errno
    }

    /// `mount_setattr(/usr): Operation not permitted (errno 1)`; behind a step that is several words there is a space.
    package var description: String {
        let space = stage.utf8.contains(UInt8(ascii: " ")) ? " " : ""
        return "\(stage)\(space)(\(object)): \(Self.text(errno))"
    }

    /// The C library's sentence for an error number, and the number.
    package static func text(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe csb_strerror(number, &buffer, buffer.count) == 0 else { return "errno \(number)" }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(text) (errno \(number))"
    }
}
