internal import Client
internal import Credentials
internal import Gateway
internal import Glibc
internal import Linux
internal import Model
internal import Policy
internal import Sandbox

/// What the gateway is given of an agent, and the agent of it.
extension Supervisor {
    /// Hands the agent's sockets to the gateway, while its record is on the way to the disk: nothing runs in it yet.
    func open(_ agent: AgentNode) {
        let (id, mailbox) = (agent.id, mailbox)
        guard let listener = agent.sandbox.takeListener()?.release() else {
            return mailbox.post(.opened(id, .failure(LaunchRefusal("the agent has no listener"))))
        }
        gateway.open(
            GatewayAgent(
                policy: agent.policy,
                epoch: agent.epoch,
                listener: listener,
                resolver: agent.sandbox.takeResolver()?.release(),
                refusals: agent.sandbox.takeRefusals(),
                witness: agent.sandbox.takeWitness { [digests, root = agent.root.id] file, mayRead in
                    digests.atOnce(file, of: id, under: root, mayRead: mayRead)
                },
                namespaceCookie: agent.sandbox.namespaceCookie
            )
        ) { result in mailbox.post(.opened(id, result.mapError { $0 })) }
    }

    /// The look-alikes of the credentials that a profile names.
    func placeholders(for profile: Profile) -> [Placeholder] {
        let names = Set(profile.egress.compactMap(\.credential))
        return credentials.placeholders.filter { names.contains($0.credential) }
    }
}
