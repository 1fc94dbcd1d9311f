internal import Linux

/// The part of every launch that no order changes: what it has made, and its plan as the interpreter reads it.
final class CommonPart: Sendable {
    let draft: ViewDraft
    let plan: OwnedDescriptor

    init(_ machine: Machine, _ account: Account, _ files: ExtraFiles?) throws(SystemCallError) {
        draft = machine.common(for: account, extraFiles: files)
        plan = try SealedMemory.holding(machine.plan(of: draft).encoded(), name: "bailey-plan")
    }
}
