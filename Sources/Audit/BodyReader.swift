internal import Crypto
internal import Foundation
internal import Glibc
package import Model

/// Reads recorded bodies back.
package struct BodyReader: Sendable {
    /// What is wrong with a recorded body.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    private let folder: String
    /// Opens the recordings of a run; nil where there are none.
    let open: @Sendable (String) throws -> PrivateFile?

    /// - Parameter directory: the state directory.
    package init(directory: String) {
        folder = directory + "/" + BodyFiles.folder
        open = { run in
            let state = try StateDirectory(directory, create: false)
            let folder = try state.directory(BodyFiles.folder, create: false)
            return try PrivateFile.open(run, in: folder, .read)
        }
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
            try blocks(run, body.place) { block, data in
                guard block.exchange == exchange, block.side == body.side else { return }
                let data = data()
                digest.update(data: data)
                octets += UInt64(data.count)
                try use(data)
            }
        }
        guard octets == body.octets, digest.finalize().hex == body.digest else {
            throw Fault(
                description:
                    "it is not the \(body.octets) octets that were recorded: \(folder)/\(run) was changed"
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
        try blocks(run, 0..<UInt64.max) { block, data in
            if block.exchange == exchange, block.side == side { try use(data()) }
        }
    }

    private func blocks(
        _ run: String,
        _ place: Range<UInt64>,
        _ use: (RecordedBlock, () -> [UInt8]) throws -> Void
    ) throws {
        guard let file = try open(run) else { throw Fault(description: "\(folder)/\(run) is gone") }
        var next = place.lowerBound
        while next < place.upperBound {
            let header = file.read(RecordedBlock.header, at: next)
            guard let block = RecordedBlock(header) else {
                guard place.upperBound == .max else {
                    throw Fault(description: "\(folder)/\(run) is cut, or was changed")
                }
                return
            }
            let start = next + UInt64(RecordedBlock.header)
            try use(block) { file.read(block.length, at: start) }
            next = start + UInt64(block.length)
        }
    }
}

extension PrivateFile {
    /// So many octets at a place, fewer where it ends or cannot be read.
    func read(_ count: Int, at place: UInt64) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count, let place = off_t(exactly: place + UInt64(filled)) {
            let got = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe pread(descriptor, bytes.baseAddress.map { unsafe $0 + filled }, count - filled, place)
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { break }
            filled += got
        }
        return Array(buffer[..<filled])
    }
}
