internal import Foundation
internal import Synchronization

/// The file that holds the head.
///
/// It only ever moves forward, whichever supervisor writes it.
final class HeadFile: Sendable {
    private let file: PrivateFile
    /// What was read last: most of the time nobody else has written, and it need not be parsed again.
    private let last = Mutex<(data: Data, head: ReadHead)?>(nil)

    static let name = "audit.head"

    /// Nil when there is none.
    init?(in directory: borrowing StateDirectory, _ mode: PrivateFile.Mode) throws(AuditStoreError) {
        guard let file = try PrivateFile.open(Self.name, in: directory, mode) else { return nil }
        self.file = file
    }

    /// Makes the file with the empty head unless it is there; durable before the first record is.
    static func create(in directory: borrowing StateDirectory, key: SigningKey) throws {
        try directory.publish(Head.empty.line(key, try key.sign(Head.empty.message)), as: name)
    }

    var path: String { file.path }

    /// Throws when the content is no head; does not check who signed it.
    func read() throws(AuditStoreError) -> ReadHead {
        let data = try file.read(atMost: AuditLimits.headLength)
        if let data, let last = last.withLock({ $0 }), last.data == data { return last.head }
        guard let data, let head = ReadHead(data) else {
            throw AuditStoreError(
                .cut,
                "the audit head \(file.path) is damaged, so a cut tail could not be noticed; restore it from "
                    + "a backup, or set the whole state directory aside to begin a new store"
            )
        }
        last.withLock { $0 = (data, head) }
        return head
    }

    /// Moves the head to `head` unless it is further already.
    ///
    /// Not synchronised: a database ahead of its head is no alarm, and the head is written only after the
    /// records are durable.
    func advance(to head: Head, key: SigningKey) throws {
        let signature = try key.sign(head.message)
        let line = head.line(key, signature)
        try file.locked { () throws(AuditStoreError) in
            guard try read().head.sequence < head.sequence else { return }
            try file.write(line)
            // What was written is what will be read, unless another supervisor writes.
            last.withLock { $0 = (line, ReadHead(head, key, signature)) }
        }
    }

    /// Runs `body` while no other supervisor does, nor moves the head.
    func locked<Value>(_ body: () throws(AuditStoreError) -> Value) throws(AuditStoreError) -> Value {
        try file.locked(body)
    }
}
