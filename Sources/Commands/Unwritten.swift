internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import Linux

/// What a command was told to write and could not.
enum Unwritten {
    /// sysexits.h, EX_IOERR.
    static let code = ExitCode(74)

    /// Says so, and gives what the command ends with.
    static func complained(_ attempt: String, _ error: any Error, _ remedy: String) -> ExitCode {
        RunCommand.complain("cannot \(attempt): \(reason(error)); \(remedy)")
        return code
    }

    /// The system's word for it, which Foundation wraps.
    private static func reason(_ error: any Error) -> String {
        let outer = error as NSError
        let inner = outer.userInfo[NSUnderlyingErrorKey] as? NSError ?? outer
        guard inner.domain == NSPOSIXErrorDomain else { return outer.localizedDescription }
        return SystemCallError.text(Int32(clamping: inner.code))
    }
}
