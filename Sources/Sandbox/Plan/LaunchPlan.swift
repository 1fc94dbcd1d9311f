internal import CSandbox

/// Everything that happens between clone and exec, as a value: made by `LaunchPlanner`, carried out in C.
struct LaunchPlan: Sendable {
    /// User and group ids inside and outside the agent's user namespace.
    struct Identity: Sendable, Hashable {
        var insideUser: UInt32
        var insideGroup: UInt32
        var outsideUser: UInt32
        var outsideGroup: UInt32
    }

    /// What Landlock allows, and beneath which path.
    struct Rule: Sendable, Hashable {
        var access: UInt64
        var path: String
    }

    /// bailey-init's path inside.
    static let initPath = "/.bailey/bin/init"

    /// From the launch's first on.
    var steps: [LaunchStep]
    var identity: Identity
    /// Which of the steps this plan carries out; those before are another's, carried out already.
    var range: Range<Int>
    /// The agent then waits for a plan with the rest.
    var continues = false
    var arguments: [String] = []
    /// `NAME=value`.
    var environment: [String] = []
    /// Folders in which the program is looked for.
    var search: [String] = []
    var landlockHandled: UInt64 = 0
    var landlockScopes: UInt32 = 0
    var landlockRules: [Rule] = []
    /// Processes that the parent and all below it may have; nil without a limit, and for a root agent.
    var parentProcesses: UInt64?
    /// Mode bits that files made by the command do not get (umask(2)).
    var umask: UInt32 = 0o022

    init(steps: [LaunchStep], identity: Identity) {
        self.steps = steps
        self.identity = identity
        range = steps.indices
    }

    /// The plan as the interpreter reads it (`csb_launch.h`).
    func encoded() -> [UInt8] {
        var blob = PlanBlob()
        var head = csb_plan()
        head.magic = UInt32(CSB_MAGIC)
        (head.argument_count, head.arguments) = blob.table(arguments)
        (head.environment_count, head.environment) = blob.table(environment)
        (head.search_count, head.search) = blob.table(search)
        head.`init` = blob.text(Self.initPath)
        (head.inside_uid, head.inside_gid) = (identity.insideUser, identity.insideGroup)
        (head.outside_uid, head.outside_gid) = (identity.outsideUser, identity.outsideGroup)
        (head.landlock_handled, head.landlock_scopes) = (landlockHandled, landlockScopes)
        head.umask = umask
        head.parent_processes = parentProcesses ?? 0
        head.first_op = UInt32(clamping: range.lowerBound)
        head.continues = continues ? 1 : 0
        let operations = steps[range].map { operation($0, &blob) }
        head.op_count = UInt32(clamping: operations.count)
        head.ops = blob.array(operations)
        head.size = UInt32(clamping: blob.bytes.count)
        blob.place(head)
        return blob.bytes
    }

    private func operation(_ step: LaunchStep, _ blob: inout PlanBlob) -> csb_op {
        var operation = csb_op()
        operation.kind = step.kind.rawValue
        (operation.slot, operation.flags, operation.mode) = (step.slot, step.flags, step.mode)
        operation.path = step.path.map { blob.text($0) } ?? 0
        operation.text = step.text.map { blob.text($0) } ?? 0
        (operation.a, operation.b) = (step.a, step.b)
        (operation.device, operation.inode) = (step.device, step.inode)
        if let payload = step.payload {
            operation.a = UInt64(blob.data(payload))
            operation.b = UInt64(payload.count)
        }
        if step.kind == CSB_LANDLOCK {
            let rules = landlockRules.map {
                csb_rule(access: $0.access, path: blob.text($0.path), reserved: 0)
            }
            operation.a = UInt64(blob.array(rules))
            operation.b = UInt64(rules.count)
        }
        return operation
    }
}

/// The bytes of a plan as they grow: offsets are from the beginning, eight-byte aligned.
private struct PlanBlob {
    private(set) var bytes = [UInt8](repeating: 0, count: MemoryLayout<csb_plan>.stride)

    mutating func data(_ data: [UInt8]) -> UInt32 {
        while bytes.count % 8 != 0 { bytes.append(0) }
        defer { bytes.append(contentsOf: data) }
        return UInt32(clamping: bytes.count)
    }

    mutating func text(_ text: String) -> UInt32 {
        data(Array(text.utf8) + [0])
    }

    mutating func array<Element: BitwiseCopyable>(_ elements: [Element]) -> UInt32 {
        data(unsafe elements.withUnsafeBytes { unsafe Array($0) })
    }

    mutating func table(_ texts: [String]) -> (UInt32, UInt32) {
        let offsets = texts.map { text($0) }
        return (UInt32(clamping: offsets.count), array(offsets))
    }

    mutating func place(_ head: csb_plan) {
        unsafe withUnsafeBytes(of: head) { source in
            for index in source.indices { bytes[index] = unsafe source[index] }
        }
    }
}
