internal import Masking
internal import Synchronization

/// A mask, and what it made of the texts that records bring again and again: names of agents and profiles, rules,
/// endpoints.
final class MaskMemory: Sendable {
    let mask: SecretMask
    private let masked = Mutex<[String: String]>([:])

    init(_ mask: SecretMask) {
        self.mask = mask
    }

    func text(_ text: String) -> String {
        guard text.utf8.count <= AuditLimits.rememberedText else { return mask.text(text) }
        if let known = masked.withLock({ $0[text] }) { return known }
        let result = mask.text(text)
        masked.withLock { masked in
            if masked.count >= AuditLimits.rememberedTexts { masked.removeAll(keepingCapacity: true) }
            masked[text] = result
        }
        return result
    }
}
