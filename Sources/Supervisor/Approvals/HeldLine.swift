package import Client
internal import Model

/// One request or launch that waits, as JSON has it: of `bailey approvals list --json`, of the API, and in webhooks.
package struct HeldLine: Encodable, Sendable {
    let kind: String
    let id: String
    let principal: String
    let agent: String
    let lineage: [String]
    let action: String
    let resource: String
    let query: String?
    let command: [String]
    let details: [String]
    let digest: String
    let content: String
    let octets: UInt64
    let type: String?
    let preview: String
    let rules: [String]
    let demands: [String]
    let life: String
    let waited: UInt64
    let left: UInt64
    let waiting: Int32
    let approvedBy: [String]
    let told: [String]
    let machine: String?

    package init(_ held: HeldSummary) {
        (id, principal, agent, lineage) = (held.id, held.principal, held.agent, held.lineage)
        (kind, action, resource, query) = (held.kind, held.action, held.resource, held.query)
        (command, details) = (held.command, held.details)
        (digest, content, octets, type) = (held.digest, held.content, held.octets, held.type)
        (preview, rules, demands, life) = (held.preview, held.rules, held.demands, held.life)
        (waited, left, waiting, approvedBy) = (held.waited, held.left, held.waiting, held.approvedBy)
        (told, machine) = (held.told, held.machine)
    }
}
