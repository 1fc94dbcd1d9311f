internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import PostgresProtocol

/// Records the rows of one statement, on its loop's side: they are passed on at once, and no more are read while much waits
/// for the disk.
final class RowRecording {
    private let work: BodyWork
    private let loop: any EventLoop
    private weak var conversation: PostgresConversation?
    private var jobs: [BodyWork.Job]
    /// Octets that the work has not got.
    private var fresh = 0

    init(
        _ work: BodyWork,
        _ source: BodyWork.Source,
        of conversation: PostgresConversation,
        on loop: any EventLoop
    ) {
        (self.work, self.conversation, self.loop) = (work, conversation, loop)
        jobs = [.begin(.response, source)]
    }

    func take(_ piece: ResultPiece) {
        if case .messages(let octets) = piece {
            fresh += octets.readableBytes
            conversation?.unrecorded += octets.readableBytes
        }
        jobs.append(.takeRows(piece))
    }

    /// Hands over what has come since.
    func submit() {
        guard fresh > 0 else { return }
        let amount = fresh
        fresh = 0
        let recording = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        work.add(takeJobs()) { failure in
            loop.execute { recording.value.recorded(amount, failure) }
        }
    }

    /// The statement is over; its reply goes on record behind its rows.
    func finish(_ reply: Reply) {
        submit()
        jobs.append(.finish(reply))
        work.add(takeJobs()) { _ in }
    }

    private func takeJobs() -> [BodyWork.Job] {
        defer { jobs.removeAll() }
        return jobs
    }

    private func recorded(_ amount: Int, _ failure: AuditFailure?) {
        guard let conversation, !conversation.isOver else { return }
        conversation.unrecorded -= amount
        // Nothing goes on unrecorded where the profile demands a record.
        if let failure { return conversation.breakOff(because: failure.message) }
        conversation.server?.resumeReading()
    }
}
