internal import Crypto
internal import Glibc
package import Model

/// Reads recorded bodies back.
package struct BodyReader: Sendable {
    /// What is wrong with a recorded body.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
        /// Its key is gone, or is another one: whether it is what was recorded cannot be said.
        package var isOfKey = false
    }

    private let directory: String
    private let keys: BodyKeys

    /// - Parameter directory: the state directory.
    package init(directory: String) {
        self.directory = directory
        keys = BodyKeys(directory: directory)
    }

    /// Hands over a body as its record says, piece by piece; throws where it is not as it was recorded.
    package func read(
        _ body: RecordedBody,
        of exchange: UInt64,
        run: String,
        _ use: ([UInt8]) throws -> Void
    ) throws {
        var digest = SHA256()
        var octets: UInt64 = 0
        if !body.place.isEmpty {
            var blocks = try blocks(
                of: BodyPlace(run: run, exchange: exchange, side: body.side),
                in: body.place
            )
            while let data = try blocks.next() {
                digest.update(data: data)
                octets += UInt64(data.count)
                try use(data)
            }
        }
        guard octets == body.octets, digest.finalize().hex == body.digest else {
            throw Fault(
                description:
                    "it is not the \(body.octets) octets that were recorded: \(path(of: run)) was changed"
            )
        }
    }

    /// The same of an exchange whose end is not on record: whatever is there.
    package func readUnfinished(
        _ side: BodySide,
        of exchange: UInt64,
        run: String,
        _ use: ([UInt8]) throws -> Void
    ) throws {
        var blocks = try blocks(of: BodyPlace(run: run, exchange: exchange, side: side), in: nil)
        while let data = try blocks.next() { try use(data) }
    }

    /// The blocks of a body; throws where nothing of its run is recorded.
    func blocks(of body: BodyPlace, in stretch: Range<UInt64>?) throws -> BlockWalk {
        let state = try StateDirectory(directory, create: false)
        let folder = try state.directory(BodyFiles.folder, create: false)
        guard let file = try PrivateFile.open(body.run, in: folder, .read) else {
            throw Fault(description: "\(path(of: body.run)) is gone")
        }
        return BlockWalk(file, body, keys, in: stretch)
    }

    private func path(of run: String) -> String { "\(directory)/\(BodyFiles.folder)/\(run)" }
}

extension PrivateFile {
    /// So many octets at a place, fewer where it ends or cannot be read.
    func read(_ count: Int, at place: UInt64) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let place = off_t(exactly: place + UInt64(filled)) {
                let got = unsafe pread(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + filled },
                    count - filled,
                    place
                )
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { break }
                filled += got
            }
        }
    }
}
