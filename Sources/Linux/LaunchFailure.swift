/// A launch that failed before the command ran.
package struct LaunchFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was being done.
    package let step: String
    /// To what.
    package let object: String
    /// errno(3), 0 when no system call failed.
    package let errno: Int32
    /// What to do now.
    package let remedy: String
    /// 125; 127 for a command that is not there, 126 for one that may not be executed.
    package let exitCode: Int32

    package init(step: String, object: String, errno: Int32, remedy: String, exitCode: Int32 = 125) {
        self.step = step
        self.object = object
        self.errno = errno
        self.remedy = remedy
        self.exitCode = exitCode
    }

    package init(_ error: SystemCallError, remedy: String) {
        self.init(step: error.stage, object: error.object, errno: error.errno, remedy: remedy)
    }

    package var description: String {
        let cause = errno == 0 ? "" : ": \(SystemCallError.text(errno))"
        guard exitCode == 125 else { return "\(step) (\(object))\(cause)\n\(remedy)" }
        return "launch failed, the command did not run: \(step) (\(object))\(cause)\n\(remedy)"
    }
}
