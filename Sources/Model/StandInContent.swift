/// What is in the file that holds the place of a protected one.
package enum StandInContent {
    /// Nothing, but where that would be an error to who reads it: Git takes no empty `commondir`, and `.` there means
    /// what its absence means (gitrepository-layout(5)).
    package static func bytes(at path: String) -> [UInt8] {
        path.ends(with: "/commondir") ? Array(".\n".utf8) : []
    }
}
