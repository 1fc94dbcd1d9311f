internal import Glibc

/// What Bailey says on standard error, each line of which begins with its name.
package enum Complaint {
    package static func print(_ message: String) {
        let text = "bailey: \(message)\n"
        _ = unsafe text.withCString { unsafe write(STDERR_FILENO, $0, strlen($0)) }
    }
}
