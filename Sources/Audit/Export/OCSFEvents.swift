internal import Foundation
internal import Model

/// Makes events of OCSF of records: one each, of replies and evidence one for each of them.
package struct OCSFEvents {
    private let source: ExportSource
    private let encoder: JSONEncoder

    package init(_ source: ExportSource) {
        self.source = source
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
    }

    /// Each a line of JSON, without its end.
    package func lines(of record: AuditRecord) throws -> [String] {
        try events(of: record).map { event in
            TerminalText.escapedJSON(String(decoding: try encoder.encode(event), as: UTF8.self))
        }
    }

    private func events(of record: AuditRecord) -> [OCSFEvent] {
        switch record.entry {
        case .spawn(let spawn): [event(spawn, record)]
        case .spawnRefused(let refusal): [event(refusal, record)]
        case .exit(let exit): [event(exit, record)]
        case .request(let request): [event(request, record)]
        case .replies(let replies): events(replies, record)
        case .revocation(let revocation): [event(revocation, record)]
        case .approval(let approval): [event(approval, record)]
        case .custody(let custody): [event(custody, record)]
        case .renewal(let renewal): [event(renewal, record)]
        case nil: [event(.base, OCSFActivity(id: 0, name: "Unknown"), record)]
        }
    }

    /// An event with what all have; `part` tells apart those of one record.
    func event(
        _ type: OCSFClass,
        _ activity: OCSFActivity,
        _ record: AuditRecord,
        part: Int? = nil,
        exchange: UInt64? = nil
    ) -> OCSFEvent {
        let metadata = OCSFEvent.Metadata(
            product: .init(name: "Bailey", vendorName: "Bailey", version: source.version),
            eventCode: record.kind,
            sequence: record.sequence,
            uid: "\(record.sequence)" + (part.map { ".\($0)" } ?? ""),
            correlationUid: exchange.map { "\(record.run)/\($0)" }
        )
        var event = OCSFEvent(type, activity, metadata, of: record)
        event.device = OCSFEvent.Device(hostname: source.host)
        return event
    }

    private func event(_ record: RevocationRecord, _ source: AuditRecord) -> OCSFEvent {
        let activity =
            record.isLifted
            ? OCSFActivity(id: 1, name: "Assign Privileges") : OCSFActivity(id: 2, name: "Revoke Privileges")
        var event = event(.userAccess, activity, source)
        event.user = OCSFEvent.User(subject: record.principal)
        event.privileges = ["agents"]
        event.actor = OCSFEvent.Actor(user: OCSFEvent.User(record.by))
        event.resources = record.lineage.map { lineage in
            let hop = lineage.agent
            return [OCSFEvent.Resource(uid: hop.agent.text, name: hop.name, type: "agent")]
        }
        event.message = (record.isLifted ? "lifted: " : "revoked: ") + record.summary
        event.statusDetail = record.reason
        event.succeeded()
        return event
    }

    private func event(_ record: ApprovalRecord, _ source: AuditRecord) -> OCSFEvent {
        let activity =
            record.event == .asked
            ? OCSFActivity(id: 1, name: "Create") : OCSFActivity(id: 3, name: "Update")
        var event = event(.api, activity, source)
        event.api = OCSFEvent.API(operation: "approval.\(record.event.rawValue)")
        event.actor =
            record.by.map { OCSFEvent.Actor(user: OCSFEvent.User($0)) } ?? OCSFEvent.Actor(record.lineage)
        event.srcEndpoint = OCSFEvent.Endpoint(record.lineage)
        event.resources = [
            OCSFEvent.Resource(
                uid: record.question,
                name: "\(record.action) \(record.resource)",
                type: "approval"
            )
        ]
        event.message = "approval \(record.event.rawValue): \(record.action) \(record.resource)"
        event.statusDetail = record.reason
        switch record.event {
        case .asked, .seconded: event.ruled(.observed)
        case .approved: event.ruled(.allowed, .approved)
        case .denied, .unanswered, .void, .refused: event.ruled(.denied, .blocked)
        }
        event.succeeded()
        return event
    }

    private func event(_ record: RenewalRecord, _ source: AuditRecord) -> OCSFEvent {
        var event = event(.api, OCSFActivity(id: 3, name: "Update"), source)
        event.api = OCSFEvent.API(operation: "identity.renewed")
        event.actor = OCSFEvent.Actor(user: OCSFEvent.User(record.principal))
        event.srcEndpoint = OCSFEvent.Endpoint(record.lineage)
        let root = record.lineage.agent
        event.resources = [OCSFEvent.Resource(uid: root.agent.text, name: root.name, type: "agent")]
        event.message = "proven anew: \(record.summary)"
        event.succeeded()
        return event
    }

    private func event(_ record: CustodyRecord, _ source: AuditRecord) -> OCSFEvent {
        let activity =
            record.event == .pruned
            ? OCSFActivity(id: 4, name: "Delete") : OCSFActivity(id: 3, name: "Update")
        var event = event(.api, activity, source)
        let isLogs = record.event.isOfLog
        event.api = OCSFEvent.API(operation: "\(isLogs ? "audit" : "approval").\(record.event.rawValue)")
        event.actor = record.by.map { OCSFEvent.Actor(user: OCSFEvent.User($0)) }
        if event.actor == nil { event.actor = OCSFEvent.Actor(appName: "bailey") }
        event.srcEndpoint = OCSFEvent.Endpoint(hostname: self.source.host)
        event.resources = [
            OCSFEvent.Resource(
                uid: record.subject,
                name: nil,
                type: isLogs ? "audit-log" : "approval-channel"
            )
        ]
        event.message = "\(isLogs ? "audit log" : "approvals"): \(record.event.rawValue): \(record.subject)"
        if record.event.isFailure {
            event.failed(record.event.rawValue, record.reason, .medium)
        } else {
            event.succeeded()
            event.statusDetail = record.reason
        }
        return event
    }
}

/// What exports: which program, on which machine.
package struct ExportSource: Sendable, Hashable {
    package let version: String
    package let host: String

    package init(version: String, host: String) {
        (self.version, self.host) = (version, host)
    }
}

extension OCSFEvent.Endpoint {
    init(_ lineage: Lineage) {
        self.init(uid: lineage.agent.agent.text, name: lineage.agent.name)
    }

    init(_ resource: ResourceText) {
        self.init(
            hostname: resource.isAddress ? nil : resource.host,
            ip: resource.isAddress ? resource.host : nil,
            port: resource.port
        )
    }
}

extension OCSFEvent.Actor {
    /// An agent, below its principal.
    init(_ lineage: Lineage) {
        self.init(
            user: OCSFEvent.User(lineage.principal),
            process: OCSFEvent.Process(lineage.agent, below: lineage.ancestors),
            session: OCSFEvent.Session(uid: lineage.agent.agent.run)
        )
    }
}

extension OCSFEvent.Process {
    init(_ hop: Hop, below ancestors: [Hop]) {
        self.init(
            uid: hop.agent.text,
            name: hop.name,
            ancestry: ancestors.reversed().map { OCSFEvent.Ancestor(uid: $0.agent.text, name: $0.name) }
        )
    }
}
