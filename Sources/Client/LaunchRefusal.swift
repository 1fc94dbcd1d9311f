package import Linux
internal import Model

/// A launch that will not happen, with what the front-end prints and exits with.
package struct LaunchRefusal: Error, CustomStringConvertible {
    /// 125, or 127 and 126 as shells use them.
    package let code: Int32
    package let message: String

    package init(_ message: String) {
        code = FrontEnd.launchFailed
        self.message = message
    }

    package init(code: Int32, _ message: String) {
        self.code = code
        self.message = message
    }

    package init(_ failure: LaunchFailure) {
        code = failure.exitCode
        message = failure.description
    }

    package var description: String { message }

    /// What its front-end ends with.
    package var outcome: FrontEnd.Outcome { FrontEnd.Outcome(code: code, message: message) }
}

extension ProfileChoice {
    /// What the user wrote.
    package var label: String {
        switch self {
        case .name(let name): "'\(name)'"
        case .text(_, let path): path
        }
    }
}
