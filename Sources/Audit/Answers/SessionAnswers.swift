internal import Model

/// Answers requests from a session's records and recorded bodies.
struct SessionAnswers: AnswerSource {
    let recording: ServedSession
    /// A text as records of now would have it.
    private let masked: @Sendable (String) -> String

    init(session recording: ServedSession, masked: @escaping @Sendable (String) -> String) {
        (self.recording, self.masked) = (recording, masked)
    }

    var session: String { recording.name }

    func knows(_ name: DNSName) -> Bool { recording.index.names.contains(name) }

    func answer(to request: RepeatedRequest) throws(UnansweredRequest) -> RecordedAnswer {
        let key = AnswerIndex.Key(
            action: ByteText(masked(request.action)),
            resource: ByteText(masked(request.resource)),
            query: request.query.map { ByteText(masked($0)) },
            range: request.range.map { ByteText(masked($0)) }
        )
        guard !key.isCut else {
            throw UnansweredRequest(
                "\(key.words) has a path, query or range of more than the \(AuditLimits.maximumText) octets that are on record"
            )
        }
        guard let asked = recording.index.asked(key) else { throw missing(key) }
        let digest: String?
        switch request.body {
        case .none: digest = nil
        case .digest(let known): digest = known
        case .unread(let why):
            throw UnansweredRequest(
                "\(key.words) has a body that cannot be held against those on record: \(why)"
            )
        }
        guard let slot = asked.slots[digest], let place = recording.next(of: slot) else {
            throw lacking(asked, digest)
        }
        return try read(place, key)
    }

    /// Nothing that was asked for is like it but for the body.
    private func missing(_ key: AnswerIndex.Key) -> UnansweredRequest {
        let opening = "\(key.words) is not on record in session \(session)"
        guard let nearest = recording.index.nearest(to: key) else { return UnansweredRequest(opening) }
        return UnansweredRequest(
            "\(opening); the nearest that is: \(nearest.key.words) (record \(nearest.record)), which has "
                + key.differences(from: nearest.key).joined(separator: ", ")
        )
    }

    /// It is on record, and not with this body, or not so that it could be answered.
    private func lacking(_ asked: AnswerIndex.Asked, _ digest: String?) -> UnansweredRequest {
        let opening = "\(asked.key.words) is on record in session \(session) (record \(asked.record))"
        guard !asked.slots.isEmpty else {
            let why = asked.shortcoming ?? UnansweredRequest("its reply is not on record")
            return why.behind("\(opening), without an answer: ")
        }
        let body = digest.map { "this body (SHA-256 \($0))" } ?? "no body"
        let never = "\(opening), and never with \(body)"
        return asked.shortcoming?.behind("\(never); of one, ") ?? UnansweredRequest(never)
    }

    private func read(
        _ place: AnswerIndex.Place,
        _ key: AnswerIndex.Key
    ) throws(UnansweredRequest) -> RecordedAnswer {
        let reply = try reply(at: place, key)
        let opening = "\(key.words) is on record (record \(place.request)), and its reply"
        guard let status = reply.status, reply.cause == nil else {
            throw UnansweredRequest(
                "\(opening) is not whole: \(reply.cause ?? "it has no status")",
                told: "\(opening) is not whole"
            )
        }
        let body = reply.bodies?.first { $0.side == .response }
        guard body != nil || reply.received == 0 else {
            throw UnansweredRequest(
                "\(opening)'s body is not: no profile of its lineage said 'record: full'"
            )
        }
        if let missing = body?.missing {
            throw UnansweredRequest(
                "\(opening)'s body is not whole: \(missing)",
                told: "\(opening)'s body is not whole"
            )
        }
        return RecordedAnswer(
            status: status,
            fields: reply.fields ?? HeadFields(text: ""),
            trailers: reply.trailers,
            octets: body?.octets ?? 0,
            received: reply.received,
            isDecoded: body?.coding != nil,
            body: RecordedOctets(body, of: place.exchange, run: recording.run, in: recording.bodies)
        )
    }

    private func reply(at place: AnswerIndex.Place, _ key: AnswerIndex.Key) throws(UnansweredRequest) -> Reply
    {
        let gone = "\(key.words) was on record (record \(place.request)), and its reply is not any more"
        let record: AuditRecord?
        do { record = try recording.reader.record(place.reply) } catch {
            throw UnansweredRequest(
                "\(gone): \(error)",
                told: "\(key.words) cannot be read from the recording"
            )
        }
        guard let record, record.run.isSame(as: recording.run), case .replies(let replies) = record.entry,
            let reply = replies.replies.first(where: { $0.exchange == place.exchange })
        else { throw UnansweredRequest("\(gone): record \(place.reply) was pruned, or is another one") }
        return reply
    }
}

extension UnansweredRequest {
    /// The same with something in front of it.
    fileprivate func behind(_ opening: String) -> UnansweredRequest {
        UnansweredRequest(opening + message, told: told.map { opening + $0 })
    }
}

extension AnswerIndex.Key {
    /// `GET https://api.example.com/users?page=2`, of bounded length.
    var words: String {
        let slash = action.text.firstPlace(of: "/") ?? action.text.endIndex
        let target = action.text[slash...] + (query.map { "?\($0)" } ?? "")
        let text = "\(action.text[..<slash])\(resource)\(target)"
        guard text.utf8.count > AuditLimits.answeredWords else { return text }
        return String(decoding: text.utf8.prefix(AuditLimits.answeredWords), as: Unicode.UTF8.self) + "…"
    }

    /// In what another one is not as this one.
    func differences(from other: AnswerIndex.Key) -> [String] {
        var words: [String] = []
        if resource != other.resource { words.append("another scheme, host or port") }
        if method != other.method { words.append("another method") }
        if path != other.path { words.append("another path") }
        if query != other.query { words.append("another query") }
        if range != other.range { words.append("another range") }
        return words
    }
}
