internal import Sandbox

/// A launch that will not happen, with what the front-end prints and exits with.
struct LaunchRefusal: Error {
    /// 125, or 127 and 126 as shells use them.
    let code: Int32
    let message: String

    init(_ message: String) {
        code = FrontEnd.launchFailed
        self.message = message
    }

    init(_ failure: LaunchFailure) {
        code = failure.exitCode
        message = failure.description
    }
}

extension ProfileChoice {
    /// What the user wrote.
    var label: String {
        switch self {
        case .name(let name): "'\(name)'"
        case .text(_, let path): path
        }
    }
}
