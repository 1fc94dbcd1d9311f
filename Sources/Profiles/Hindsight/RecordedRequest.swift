internal import Model
internal import Policy
internal import Statements

/// A request as it was decided, put together again from its record.
struct RecordedRequest {
    let request: Request
    /// What its query said is masked or cut on record.
    let isQueryHidden: Bool

    /// Why a record does not say what was asked for.
    struct Gap: Error {
        let reason: String
    }

    init(_ record: RequestRecord) throws(Gap) {
        guard !RecordMarks.stand(in: record.action), !RecordMarks.stand(in: record.resource) else {
            throw Gap(reason: "what it asked for is masked or cut on record")
        }
        let endpoint = try Self.endpoint(record.resource)
        isQueryHidden = record.query.map { RecordMarks.stand(in: $0) } ?? false
        switch endpoint.scheme {
        case .http, .https: request = try Self.http(record, endpoint)
        case .postgres: request = try Self.statement(record, endpoint)
        case .tls, .tcp:
            guard record.action.isSame(as: Action.connect.summary) else { throw Self.unread(record) }
            request = Request(endpoint: endpoint, action: .connect)
        }
    }

    /// `https://api.example.com:8443`: one host, as records have it.
    static func endpoint(_ text: String) throws(Gap) -> Endpoint {
        let gap = Gap(reason: "\"\(text)\" is on record, which is no place that rules speak of")
        guard let pattern = try? HostPatternText.parse(text) else { throw gap }
        switch pattern.hosts {
        case .name(let name):
            return Endpoint(scheme: pattern.scheme, host: .name(name), port: pattern.port)
        case .address(let address):
            return Endpoint(scheme: pattern.scheme, host: .address(address), port: pattern.port)
        case .oneLabel, .anyLabels, .network: throw gap
        }
    }

    private static func unread(_ record: RequestRecord) -> Gap {
        Gap(reason: "\"\(record.action)\" is on record, which is no request by itself")
    }

    private static func http(_ record: RequestRecord, _ endpoint: Endpoint) throws(Gap) -> Request {
        let words = record.action.cut(at: " ", omittingEmptySubsequences: false).map(String.init)
        if words[0].isSame(as: GitText.word) { return try git(words, record, endpoint) }
        guard words.count == 2 else { throw unread(record) }
        guard !words[0].isSame(as: ActionText.webSocket) else {
            return Request(endpoint: endpoint, action: .webSocket(path: words[1], query: record.query))
        }
        let fields = RecordedFields(record.fields)
        guard let isCall = fields.isCall else {
            throw Gap(reason: "its content type is not on record, and with that whether it is a call of gRPC")
        }
        let action = Action.http(method: words[0], path: words[1], query: record.query)
        var request = Request(endpoint: endpoint, action: action)
        request.body.length = fields.length(of: words[0])
        if isCall { request.kind = .call }
        return request
    }

    /// `git fetch /app.git`, `git push -o /app.git refs/heads/main`: the opening where it has a query.
    private static func git(
        _ words: [String],
        _ record: RequestRecord,
        _ endpoint: Endpoint
    ) throws(Gap) -> Request {
        guard words.count > 2, let service = GitText.service(words[1]) else { throw unread(record) }
        let hasOptions = words[2].isSame(as: GitText.options)
        let rest = words.dropFirst(hasOptions ? 3 : 2)
        guard let repository = rest.first else { throw unread(record) }
        let isOpening = record.query != nil
        let path = repository + (isOpening ? GitService.opening : "/" + service.rawValue)
        let method = isOpening ? "GET" : "POST"
        var request = Request(
            endpoint: endpoint,
            action: .http(method: method, path: path, query: record.query)
        )
        request.kind = service.kind
        guard !isOpening else { return request }
        request.body.length = nil
        let refs = rest.dropFirst()
        guard service == .receivePack, !refs.isEmpty else { return request }
        var updates: [GitPush.Update] = []
        for text in refs {
            let isDeletion = text.begins(with: ":")
            let ref = isDeletion ? String(text.dropFirst(bytes: 1)) : text
            guard GitPush.isRef(ref) else {
                throw Gap(reason: "not all refs of the push are on record as they were")
            }
            updates.append(GitPush.Update(ref: ref, isDeletion: isDeletion))
        }
        request.body.push = GitPush(updates, hasOptions: hasOptions)
        return request
    }

    private static func statement(_ record: RequestRecord, _ endpoint: Endpoint) throws(Gap) -> Request {
        guard let database = record.database, !RecordMarks.stand(in: database) else {
            throw Gap(reason: "the name of the database is not on record")
        }
        func request(_ deeds: [SQLDeed], opensReplication: Bool = false) -> Request {
            let sql = SQLRequest(
                database: ByteText(database),
                deeds: deeds,
                opensReplication: opensReplication
            )
            return Request(endpoint: endpoint, action: .sql(sql))
        }
        guard let text = record.statement?.text else {
            if record.action.isSame(as: Action.connect.summary) { return request([]) }
            guard let kind = SQLKind(rawValue: record.action), [.functionCall, .replication].contains(kind)
            else { throw unread(record) }
            return request([SQLDeed(kind)], opensReplication: kind == .replication)
        }
        // What is masked or cut may have been part of what decides: only where the same comes out it was not.
        guard text.more == 0, let deeds = Self.read(Array(text.text.utf8)),
            request(deeds).action.summary.isSame(as: record.action)
        else { throw Gap(reason: "the text of the statement is masked or cut on record") }
        return request(deeds)
    }

    private static func read(_ text: [UInt8]) -> [SQLDeed]? {
        if case .success(let facts) = StatementReader.read(text) { return facts.deeds }
        return ReplicationCommand(text)?.deeds
    }
}

/// What rules hang on of a request's header fields.
private struct RecordedFields {
    private let lines: [(name: String, value: String)]
    /// Not all of them are on record: there was no room (`HeadFields`), or it has none.
    private let isCut: Bool

    init(_ fields: HeadFields?) {
        // No name of a field has a bracket (RFC 9110 section 5.6.2).
        isCut = fields?.lines.last.map { $0.utf8.first == UInt8(ascii: "[") } ?? (fields == nil)
        lines = (fields?.lines ?? []).compactMap { line in
            guard let colon = line.firstPlace(of: ":") else { return nil }
            let value = line.rest(behind: colon)
            let text = value.begins(with: " ") ? value.dropFirst(bytes: 1) : value
            return (String(line[..<colon]).lowercasedASCII, String(text))
        }
    }

    private func values(_ name: String) -> [String] {
        lines.filter { $0.name.isSame(as: name) }.map(\.value)
    }

    /// Octets of the body; nil where the head does not say.
    ///
    /// Those methods have none where it says nothing.
    func length(of method: String) -> UInt64? {
        // A value for which there was no room is no number.
        if let length = values("content-length").first { return UInt64(length) }
        guard !isCut, values("transfer-encoding").isEmpty else { return nil }
        return ["GET", "HEAD", "DELETE", "OPTIONS"].holds(bytes: method) ? 0 : nil
    }

    /// A call of gRPC (gRPC over HTTP2, "Requests"); nil where that is not on record.
    var isCall: Bool? {
        let types = values("content-type")
        // `[300 octets]`: a type begins with a letter or a digit.
        guard !isCut || !types.isEmpty, types.first?.utf8.first != UInt8(ascii: "[") else { return nil }
        guard types.count == 1, let type = types[0].cut(at: ";").first else { return false }
        let word = String(type).lowercasedASCII
        return word.isSame(as: "application/grpc") || word.begins(with: "application/grpc+")
    }
}
