internal import Foundation
internal import Model

/// What agents asked for, and what came of it: HTTP Activity, Datastore Activity, and Network Activity for all else.
extension OCSFEvents {
    func event(_ record: RequestRecord, _ source: AuditRecord) -> OCSFEvent {
        let asked = Asked(
            action: record.action,
            resource: record.resource,
            query: record.query,
            fields: record.fields,
            statement: record.statement,
            exchange: record.exchange
        )
        var event = event(
            asked,
            record.lineage,
            source,
            isRefused: record.verdict != .allow && !record.isPostponed
        )
        event.authorizations =
            record.levels.isEmpty
            ? nil
            : record.levels.map { level in
                OCSFEvent.Authorization(decision: level.effect.rawValue, policy: OCSFEvent.Policy(level))
            }
        let decisive = record.levels.first { $0.effect == record.verdict } ?? record.levels.last
        event.policy = decisive.map(OCSFEvent.Policy.init)
        event.message = "\(record.action) \(record.resource)" + (record.message.map { ": \($0)" } ?? "")
        switch record.matter {
        case .decision where record.verdict == .allow:
            event.ruled(.allowed, .allowed)
            event.succeeded()
        case .decision where record.isPostponed:
            event.ruled(.observed)
            event.succeeded()
        case .decision:
            event.ruled(.denied, .blocked)
            event.failed(record.reason?.rawValue, record.message, .medium)
        case .note:
            event.ruled(.modified)
            event.succeeded()
            event.statusDetail = record.message
        case .failure:
            event.ruled(.denied, .error)
            event.failed(record.reason?.rawValue, record.message, .low)
        }
        return event
    }

    func events(_ record: RepliesRecord, _ source: AuditRecord) -> [OCSFEvent] {
        let replies = record.replies.enumerated().map { event($1, of: record.lineage, source, part: $0) }
        let evidence = (record.evidence ?? []).enumerated().map {
            event($1, of: record.lineage, source, part: replies.count + $0)
        }
        return replies + evidence
    }

    private func event(_ reply: Reply, of lineage: Lineage, _ source: AuditRecord, part: Int) -> OCSFEvent {
        let asked = Asked(action: reply.action, resource: reply.resource, exchange: reply.exchange)
        var event = event(asked, lineage, source, isRefused: false, part: part)
        event.httpResponse = reply.status.map {
            OCSFEvent.HTTPResponse(code: $0, httpHeaders: reply.fields?.ocsf)
        }
        if event.classUid != OCSFClass.datastore.rawValue {
            event.traffic = OCSFEvent.Traffic(bytesIn: reply.received, bytesOut: reply.sent)
        }
        if event.classUid == OCSFClass.network.rawValue { event.httpResponse = nil }
        event.duration = reply.execution.map { Int64(clamping: $0.microseconds) / 1_000 }
        event.message = "\(reply.heading ?? "nothing") to \(reply.action) \(reply.resource)"
        event.ruled(.observed)
        if let cause = reply.cause {
            event.failed(reply.heading, cause, .low)
        } else {
            event.succeeded()
            event.statusCode = reply.heading
        }
        return event
    }

    /// What all that is said of one request begins with.
    private func event(
        _ asked: Asked,
        _ lineage: Lineage,
        _ source: AuditRecord,
        isRefused: Bool,
        part: Int? = nil
    ) -> OCSFEvent {
        let place = ResourceText(asked.resource)
        var event = event(
            asked.type(at: place),
            asked.activity(at: place, isRefused: isRefused),
            source,
            part: part,
            exchange: asked.exchange
        )
        event.actor = OCSFEvent.Actor(lineage)
        event.srcEndpoint = OCSFEvent.Endpoint(lineage)
        event.dstEndpoint = place.map(OCSFEvent.Endpoint.init)
        switch asked.type(at: place) {
        case .http: event.httpRequest = asked.request(at: place)
        case .datastore:
            event.database = OCSFEvent.Database(name: asked.resource)
            event.queryInfo = OCSFEvent.QueryInfo(
                queryString: asked.statement?.text.shown ?? asked.action,
                uid: event.metadata.correlationUid ?? event.metadata.uid
            )
        case .base, .process, .userAccess, .network, .api: break
        }
        return event
    }
}

/// A request as it is on record.
private struct Asked {
    let action: String
    let resource: String
    var query: String?
    var fields: HeadFields?
    var statement: RecordedStatement?
    let exchange: UInt64?

    func type(at place: ResourceText?) -> OCSFClass {
        switch place?.scheme {
        case "http", "https": HTTPActionText(action) == nil ? .network : .http
        case "postgres": .datastore
        default: .network
        }
    }

    func activity(at place: ResourceText?, isRefused: Bool) -> OCSFActivity {
        switch type(at: place) {
        case .http: .http(HTTPActionText(action)?.method ?? "")
        case .datastore:
            statement == nil && exchange == nil || action.isSame(as: "connect")
                ? OCSFActivity(id: 3, name: "Connect") : OCSFActivity(id: 4, name: "Query")
        case .network, .base, .process, .userAccess, .api:
            isRefused ? OCSFActivity(id: 5, name: "Refuse") : OCSFActivity(id: 1, name: "Open")
        }
    }

    func request(at place: ResourceText?) -> OCSFEvent.HTTPRequest? {
        guard let place, let text = HTTPActionText(action) else { return nil }
        let fields = fields?.ocsf
        let listed = OCSFActivity.http(text.method).id != 99
        return OCSFEvent.HTTPRequest(
            httpMethod: listed ? text.method : nil,
            url: OCSFEvent.Address(
                urlString: resource + text.path + (query.map { "?" + $0 } ?? ""),
                scheme: place.scheme,
                hostname: place.host,
                port: place.port,
                path: text.path,
                queryString: query
            ),
            userAgent: fields?.first { $0.name.isSame(as: "user-agent") }?.value,
            httpHeaders: fields
        )
    }
}

extension OCSFEvent.Policy {
    fileprivate init(_ level: LevelVerdict) {
        self.init(name: level.profile, desc: level.rule?.description)
    }
}

extension HeadFields {
    /// Each of its own, named in lower case.
    fileprivate var ocsf: [OCSFEvent.Field] {
        lines.compactMap { line in
            guard let colon = line.firstPlace(of: ":") else { return nil }
            let value = line.rest(behind: colon)
            return OCSFEvent.Field(
                name: line[..<colon].lowercasedASCII,
                value: String(value.begins(with: " ") ? value.dropFirst(bytes: 1) : value)
            )
        }
    }
}
