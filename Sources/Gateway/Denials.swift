internal import Model

/// The refusals that are the gateway's own, not a profile's.
extension Denial {
    private static func own(
        _ reason: Reason,
        _ message: String,
        told: String? = nil,
        remedy: String
    ) -> Denial {
        Denial(reason: reason, message: message, told: told, rule: nil, decidedBy: nil, remedy: remedy)
    }

    static func auditUnavailable(_ failure: AuditFailure) -> Denial {
        own(
            .auditUnavailable,
            "the record of this request could not be written (\(failure)); nothing is allowed without one",
            told: "the record of this request could not be written; nothing is allowed without one",
            remedy: "The operator must make room for the audit store; then try again."
        )
    }

    static var revoked: Denial {
        own(
            .revoked,
            "the agent's policy changed while this request was being decided",
            remedy: "Try again; what is allowed now may differ."
        )
    }

    static func revoked(by revocation: Revocation) -> Denial {
        own(
            .revoked,
            revocation.words,
            told: revocation.told,
            remedy: revocation.agent == nil
                ? "Nothing leaves any more; the user may lift it for later runs, outside of agents (bailey revoke --lift)."
                : "Nothing leaves any more; the user may launch another agent."
        )
    }

    /// The rules ask, and this cannot be held.
    static func unheld(_ asked: Denial) -> Denial {
        Denial(
            reason: .approvalNeeded,
            message: asked.message + "; it is nothing that can be held for an approval, so it is refused",
            rule: asked.rule,
            decidedBy: asked.decidedBy,
            remedy: "Ask for it by an HTTP request or a statement, or have the rule moved from ask to allow."
        )
    }

    /// The rules ask about what SQL's PREPARE would keep: EXECUTE asks nobody.
    static func unheldPreparation(_ asked: Denial) -> Denial {
        Denial(
            reason: .approvalNeeded,
            message: asked.message
                + "; under one approval of PREPARE it could be executed any number of times, so it is refused",
            rule: asked.rule,
            decidedBy: asked.decidedBy,
            remedy:
                "Send the statement itself, or prepare it by the protocol: each execution is asked about then."
        )
    }

    /// Somebody was asked, and it came to nothing.
    static func unapproved(_ asked: Denial, _ reason: Reason, _ why: String, told: String? = nil) -> Denial {
        Denial(
            reason: reason,
            message: asked.message + "; " + why,
            told: told.map { asked.message + "; " + $0 },
            rule: asked.rule,
            decidedBy: asked.decidedBy,
            remedy: asked.remedy
        )
    }

    static var approvalOver: Denial {
        own(
            .approvalNeeded,
            "the approval of this request ended before it could be sent",
            remedy: "Ask for it again: somebody outside has to approve it anew."
        )
    }

    static var cancelled: Denial {
        own(
            .approvalUnanswered,
            "the client cancelled this while it waited for an approval",
            remedy: "Ask for it again: an approval that comes is good for the same statement."
        )
    }

    static var clientGone: Denial {
        own(
            .approvalUnanswered,
            "the client went away while this waited for an approval",
            remedy:
                "Wait longer for an answer, or ask again: an approval that comes is good for the same request."
        )
    }

    static var agentEnded: Denial {
        own(
            .revoked,
            "the agent ended before this was decided",
            remedy: "Let the agent wait for its answer before it exits."
        )
    }

    /// Connections that the gateway could not take in time when their agent ended.
    static var leftUnread: Denial {
        own(
            .revoked,
            "the agent ended with more connections waiting than were taken in time; the rest is not listed",
            remedy: "Let the agent wait for its answers before it exits."
        )
    }

    static var bodiesOverBudget: Denial {
        own(
            .overBudget,
            "the bodies of this agent's requests and replies that are held until they are looked through have more than "
                + "\(GatewayLimits.bodies) octets together",
            remedy: "Send fewer large requests, or ask for less, at a time."
        )
    }

    static var datagram: Denial {
        own(
            .unsupported,
            "UDP is refused, whatever the profile says: only TCP leaves an agent, and DNS is answered on port 53; "
                + "HTTP/3 clients fall back to TCP",
            remedy: "Use the protocol over TCP."
        )
    }

    static func furtherDatagrams(_ count: UInt64) -> Denial {
        own(
            .unsupported,
            "\(count) more refused datagrams are not listed: the agent sent to too many places, or too fast",
            remedy: "Use the protocol over TCP."
        )
    }

    static var saidNothing: Denial {
        own(
            .protocolMismatch,
            "the connection ended before it had said what it wanted",
            remedy:
                "If the client does not trust the certificate it is shown, give it the agent's trust bundle."
        )
    }

    /// The client gave up while it was shown a certificate of ours, or in what comes before.
    static var clientHandshake: Denial {
        own(
            .protocolMismatch,
            "the client gave up its TLS handshake, as it does when it does not trust the certificate; a client that takes no certificate but its server's own (pinning) needs a tls rule for the host, "
                + "which forwards without interception",
            remedy: "Give the client the agent's trust bundle, or the profile a tls rule for the host."
        )
    }

    static var placeholderMisplaced: Denial {
        own(
            .placeholderMisused,
            "a credential's placeholder is in a place that the rule for this request does not replace",
            remedy: "Use the credential only on the hosts and in the place it is bound to."
        )
    }

    static func credentialUnavailable(_ credential: String, _ reason: String) -> Denial {
        own(
            .credentialUnavailable,
            "credential \(credential) \(reason)",
            told: "credential \(credential), which the rule for this request names, could not be had",
            remedy: "The operator must mend the credential in credentials.yaml, or its source."
        )
    }

    static func forbiddenAddress(_ endpoint: Endpoint, _ reasons: [String]) -> Denial {
        own(
            .forbiddenAddress,
            "\(endpoint) was not connected to: \(reasons.joined(separator: "; "))",
            remedy: "Only a rule for the very address, or private: true for a name, reaches such an address."
        )
    }

    static func upstreamFailed(_ endpoint: Endpoint, _ reason: String) -> Denial {
        own(
            .upstreamFailed,
            "\(endpoint) could not be reached: \(reason)",
            remedy: "Check that the server is up and that its certificate is valid for this name."
        )
    }

    /// The rules allow it, and nobody knows its address.
    static func unresolved(_ endpoint: Endpoint, _ failure: LookupFailure) -> Denial {
        let opening = "\(endpoint) could not be reached, since its name has no address (DNS): \(failure)"
        let asked = failure.asked.map { "; this machine's resolver was asked (name servers: \($0))" } ?? ""
        return own(
            .upstreamFailed,
            opening + asked,
            told: opening,
            remedy:
                "The rules allow it: check the name's spelling, and outside of agents whether the machine resolves it "
                + "(getent hosts NAME); the operator can give it an address with resolve in bailey.yaml."
        )
    }

    /// The command runs again, and its recording has no answer.
    static func notRecorded(_ reason: UnansweredRequest) -> Denial {
        own(
            .notRecorded,
            reason.message,
            told: reason.told,
            remedy:
                "Let the command ask for what is on record (bailey replay SESSION shows it), or record it anew: "
                + "bailey run, with record: full in the profile."
        )
    }

    /// Of what is no exchange of HTTP nothing can be said again.
    static func notReplayed(_ endpoint: Endpoint, _ session: String) -> Denial {
        own(
            .notRecorded,
            "\(endpoint) is not connected to: the command runs again offline, on session \(session), and of that only "
                + "exchanges of HTTP are served: no WebSocket, no database, nothing that a tls or tcp rule forwards",
            remedy: "Run the command with bailey run, or without what needs this."
        )
    }

    static func upstreamDistrusted(_ endpoint: Endpoint, _ reason: String) -> Denial {
        own(
            .upstreamFailed,
            "\(endpoint) could not be reached: \(reason)",
            remedy: "If the server is genuine, the operator adds its root with upstream-ca in bailey.yaml."
        )
    }

    /// The name that was checked is the outer one; the connection would go to the inner one (RFC 9849).
    static func encryptedHello(_ host: Host) -> Denial {
        own(
            .unsupported,
            "the TLS ClientHello for \(host) holds an encrypted one, whose server name cannot be checked",
            remedy: "Switch Encrypted Client Hello off in the client, or use an https rule, which intercepts."
        )
    }

    static func clearHTTP2(_ host: Host, _ port: UInt16) -> Denial {
        own(
            .unsupported,
            "HTTP/2 without TLS to \(host) port \(port) (prior knowledge) is not spoken; HTTP/1.1 is, and HTTP/2 over TLS",
            remedy: "Use HTTP/1.1 in the clear, or TLS."
        )
    }

    static func unknownAddress(_ address: Host) -> Denial {
        own(
            .nameMismatch,
            "\(address) stands for no name that this agent has looked up",
            remedy: "Look the name up again and connect to the address it gets."
        )
    }

    static func nameMismatch(captured: Host, serverName: DNSName?) -> Denial {
        own(
            .nameMismatch,
            serverName.map { "the TLS server name \($0) is not \(captured), where the connection was going" }
                ?? "the TLS ClientHello for \(captured) has no server name",
            remedy: "Connect to the host by its name and send that name as server name."
        )
    }

    static func protocolMismatch(_ host: Host, _ port: UInt16, seen: String) -> Denial {
        own(
            .protocolMismatch,
            "\(seen) to \(host) port \(port) is neither TLS nor HTTP, and no tcp rule allows it",
            remedy:
                "A tcp rule for this host and port in the profile of the agent and of every ancestor allows it."
        )
    }

    static func noDatabase(_ host: Host, _ port: UInt16) -> Denial {
        own(
            .protocolMismatch,
            "PostgreSQL to \(host) port \(port) is allowed by no postgres rule, and by no tcp rule",
            remedy:
                "A postgres rule for this host, port and database in the profile of the agent and of every ancestor "
                + "allows it."
        )
    }

    static var foreignCancellation: Denial {
        own(
            .denied,
            "a request to cancel names a session that this agent does not have",
            remedy: "Cancel what the agent's own sessions do."
        )
    }

    static func overBudget(_ limit: Int) -> Denial {
        own(
            .overBudget,
            "the agent has \(limit) connections open already",
            remedy: "Close connections that are not needed."
        )
    }

    static func overStreams(_ limit: Int) -> Denial {
        own(
            .overBudget,
            "the agent has \(limit) streams of HTTP/2 connections open already",
            remedy: "Read the answers that have come, or close streams that are not needed."
        )
    }

    static func overShare(_ own: Int, of limit: Int) -> Denial {
        Self.own(
            .overBudget,
            "this agent has \(own) connections open, and of the \(limit) of all agents together some are for others",
            remedy:
                "Close connections that are not needed; the operator may raise the limit of open files (ulimit -n)."
        )
    }

    static func allOverBudget(_ limit: Int) -> Denial {
        own(
            .overBudget,
            "all agents together have \(limit) connections open already",
            remedy:
                "Close connections that are not needed; the operator may raise the limit of open files (ulimit -n)."
        )
    }

    static func malformed(_ message: String) -> Denial {
        own(.malformed, message, remedy: "Send a valid message of the protocol.")
    }

    static func foreignNamespace(_ found: UInt64) -> Denial {
        own(
            .denied,
            "a connection from network namespace \(found) arrived at this agent's listener",
            remedy: "Nothing: it did not come from the agent."
        )
    }
}
