internal import Foundation
internal import Linux
internal import Model

/// What is known of the folders that one agent has copies of, written before it runs.
package struct CopyRecord: Sendable, Codable {
    /// The format's version.
    static let format = 1

    /// One copied folder.
    package struct Folder: Sendable, Codable {
        /// On the host.
        package var path: String
        var inode: UInt64
        /// Of the folder: new files become theirs.
        var owner: UInt32
        var group: UInt32
        /// Paths below it that the profile of the agent, or of one above it, protects.
        var protected: [String]
    }

    var format = Self.format
    /// `RUN.N`.
    package var agent: String
    package var name: String
    package var profile: String
    /// Nanoseconds since 1970 at which the copy was made.
    package var made: Int64
    /// Whose the layers are.
    var layerOwner: UInt32
    package var folders: [Folder]

    var encoded: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(self))
        }
    }

    /// Reads a record; nil for what is none.
    static func read(_ bytes: [UInt8]) -> CopyRecord? {
        guard let record = try? JSONDecoder().decode(CopyRecord.self, from: Data(bytes)),
            record.format == format
        else { return nil }
        return record
    }
}
