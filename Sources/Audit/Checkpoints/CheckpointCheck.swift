internal import Foundation
internal import GRDB
internal import Glibc
internal import Linux
internal import Model
internal import PostgresLink

/// Holds the checkpoints of a file, or of a table, against a log that was found whole; ends with a `Stop` at the first that does not fit.
///
/// Line by line: memory does not grow with them.
struct CheckpointCheck {
    /// Where they are.
    enum Place: Sendable, CustomStringConvertible {
        case file(String)
        /// Of the checkpoints there only those of this log count.
        case table(PostgresAccess)

        var description: String {
            switch self {
            case .file(let path): path
            case .table(let access): CheckpointTable.description(of: access)
            }
        }
    }

    private let place: Place
    private let key: VerifyingKey
    private let now: Timestamp
    /// How far it goes: octets of a file, the last record of a table's; nil for a file that has no end, as a pipe.
    private let extent: Int64?

    /// Of the checkpoints that are there by now.
    init(_ place: Place, key: VerifyingKey, now: Timestamp) throws {
        (self.place, self.key, self.now) = (place, key, now)
        extent =
            switch place {
            case .file(let path): try Self.length(of: path)
            case .table(let access): try CheckpointTable(access).last(of: key)
            }
    }

    private static func length(of path: String) throws -> Int64? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw unreadable(path) }
        return status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : nil
    }

    private static func unreadable(_ path: String) -> AuditStoreError {
        AuditStoreError(
            "read the checkpoints",
            path,
            errno: errno,
            remedy: "name the file that they are in"
        )
    }

    /// How many there are, and how many lines were only begun; `end` is the last record that was verified.
    ///
    /// A line that was only begun, of a writer that died in the middle of it, is passed over wherever it stands: it proves no
    /// less than one that is not there.
    func run(_ database: Database, end: Int64) throws -> (whole: Int64, begun: Int64) {
        var (count, begun): (Int64, Int64) = (0, 0)
        try eachLine { line, number in
            guard !line.isEmpty else { return }
            guard !Checkpoint.isBegun(line) else {
                begun += 1
                return
            }
            guard line.count < AuditLimits.checkpointLine, let checkpoint = Checkpoint(line: line) else {
                throw stop(
                    "line \(number) of \(place) is no checkpoint: it was changed, or something else wrote it"
                )
            }
            try check(checkpoint, database, end)
            count += 1
        }
        guard count > 0 else { throw stop("\(place) holds no checkpoint of this log, and so proves nothing") }
        return (count, begun)
    }

    private func check(_ checkpoint: Checkpoint, _ database: Database, _ end: Int64) throws {
        let name = "the checkpoint of \(checkpoint.time.text)"
        guard checkpoint.key == key.octets else {
            throw stop(
                "\(name) is of another log: it is signed with the key \(checkpoint.key.hex); where both are yours, "
                    + "take that one's lines out, and give each state directory a file of its own"
            )
        }
        guard checkpoint.isGenuine(key) else {
            throw stop("\(name) is forged: its signature does not fit")
        }
        let latest = now.milliseconds.addingReportingOverflow(AuditLimits.checkpointSkew).partialValue
        guard checkpoint.time.milliseconds <= latest else {
            throw stop("\(name) is from the future: the clock was wrong, then or now")
        }
        guard checkpoint.sequence <= end else {
            throw Stop(
                .cut,
                record: end + 1,
                "the tail was cut: \(name) names record \(checkpoint.sequence), and the log ends at record \(end)"
            )
        }
        guard try hash(of: checkpoint.sequence, database) == checkpoint.hash else {
            throw Stop(
                .checkpoint,
                record: checkpoint.sequence,
                "record \(checkpoint.sequence) is not the one that \(name) names: the log was written anew"
            )
        }
    }

    /// By the seal over it, which stays when the record is pruned.
    private func hash(of sequence: Int64, _ database: Database) throws -> Data? {
        if sequence == 0 { return StoredRecord.genesis }
        let statement = try database.cachedStatement(
            sql: "SELECT \(Seal.columns) FROM seals WHERE last >= ? ORDER BY last LIMIT 1"
        )
        return try Row.fetchOne(statement, arguments: [sequence]).flatMap { Seal(row: $0) }?
            .digest(of: sequence)
    }

    private func stop(_ message: String) -> Stop { Stop(.checkpoint, message) }

    private func eachLine(_ body: (ArraySlice<UInt8>, Int) throws -> Void) throws {
        switch place {
        case .file(let path): try eachLine(of: path, body)
        case .table(let access): try CheckpointTable(access).eachLine(of: key, upTo: extent ?? 0, body)
        }
    }

    /// With what stands behind the last end of a line.
    private func eachLine(of path: String, _ body: (ArraySlice<UInt8>, Int) throws -> Void) throws {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { throw Self.unreadable(path) }
        let file = OwnedDescriptor(raw)
        var waiting: [UInt8] = []
        var number = 0
        var rest = extent ?? .max
        while let piece = try read(file.rawValue, path, atMost: rest) {
            waiting += piece
            rest -= Int64(piece.count)
            var start = waiting.startIndex
            while let end = waiting[start...].firstIndex(of: 0x0a) {
                number += 1
                try body(waiting[start..<end], number)
                start = end + 1
            }
            waiting.removeSubrange(..<start)
            guard waiting.count < AuditLimits.checkpointLine else {
                throw stop("line \(number + 1) of \(path) is no checkpoint: it is too long")
            }
        }
        try body(waiting[...], number + 1)
    }

    /// Nil at the end.
    private func read(_ file: Int32, _ path: String, atMost rest: Int64) throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: Int(min(1 << 16, rest)))
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw AuditStoreError(
                    "read the checkpoints",
                    path,
                    errno: errno,
                    remedy: "check its file system"
                )
            }
            return count == 0 ? nil : Array(buffer.prefix(count))
        }
    }
}
