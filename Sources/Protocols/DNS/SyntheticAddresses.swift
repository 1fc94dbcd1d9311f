package import Model

/// One agent's addresses that stand for names: given out by the resolver, read back when a connection arrives.
///
/// IPv4 from 198.18.0.0/15 (RFC 2544, never routed), each with an IPv6 twin in a unique-local prefix (RFC 4193).
/// Addresses are given out in order; when all are out, that of the name asked for least recently is taken again,
/// never one that a live connection holds.
package struct SyntheticAddresses: Sendable {
    /// Names at one time: half of the block, some 20 MiB at worst.
    package static let maximumNames = 65_536
    /// The resolver itself.
    package static let resolver = IPAddress(v4: base | 53)

    private static let base: UInt32 = 198 << 24 | 18 << 16
    /// A prefix drawn at random once (RFC 4193 section 3.2.2), the same for every agent: they never meet.
    private static let prefix: UInt64 = 0xFD9B_A11E_7053_0000
    /// Neither the network address nor the resolver's is given out.
    private static let reserved: Set<UInt32> = [0, 53]

    private struct Slot {
        var name: DNSName
        var holders = 0
        var older: Int?
        var newer: Int?
    }

    private let capacity: Int
    private var slots: [Slot] = []
    private var index: [DNSName: Int] = [:]
    private var oldest: Int?
    private var newest: Int?

    /// At most `maximumNames`, at least one.
    package init(capacity: Int = maximumNames) {
        self.capacity = min(max(capacity, 1), Self.maximumNames)
    }

    /// Names that have an address now.
    package var count: Int { index.count }

    /// The address of a name, given out now if it had none; nil when every address is held by a connection.
    package mutating func address(for name: DNSName, _ family: IPAddress.Family) -> IPAddress? {
        if let known = index[name] {
            touch(known)
            return Self.address(known, family)
        }
        guard let slot = freshSlot(for: name) else { return nil }
        index[name] = slot
        return Self.address(slot, family)
    }

    /// The name that an address stands for; nil for one that was never given out, or is not one of ours.
    package func name(for address: IPAddress) -> DNSName? {
        slot(of: address).map { slots[$0].name }
    }

    /// Whether an address lies in the synthetic blocks, given out or not.
    package static func contains(_ address: IPAddress) -> Bool {
        switch address.family {
        case .v4: address.isIn(IPAddress(v4: base), prefix: 15)
        case .v6: address.high == prefix
        }
    }

    /// A connection to this address begins: its name, which stays until `release`.
    ///
    /// Nil as for `name(for:)`.
    package mutating func retain(_ address: IPAddress) -> DNSName? {
        guard let slot = slot(of: address) else { return nil }
        if slots[slot].holders == 0 { unlink(slot) }
        slots[slot].holders += 1
        return slots[slot].name
    }

    /// A connection that `retain` counted has ended.
    ///
    /// One that it did not count changes nothing.
    package mutating func release(_ address: IPAddress) {
        guard let slot = slot(of: address), slots[slot].holders > 0 else { return }
        slots[slot].holders -= 1
        if slots[slot].holders == 0 { append(slot) }
    }

    private mutating func freshSlot(for name: DNSName) -> Int? {
        if slots.count < capacity {
            slots.append(Slot(name: name))
            append(slots.count - 1)
            return slots.count - 1
        }
        guard let slot = oldest else { return nil }
        index[slots[slot].name] = nil
        slots[slot].name = name
        touch(slot)
        return slot
    }
}

// The order of use: a list through the slots that no connection holds, oldest first.
extension SyntheticAddresses {
    private mutating func touch(_ slot: Int) {
        guard slots[slot].holders == 0 else { return }
        unlink(slot)
        append(slot)
    }

    private mutating func unlink(_ slot: Int) {
        let older = slots[slot].older
        let newer = slots[slot].newer
        if let older { slots[older].newer = newer } else { oldest = newer }
        if let newer { slots[newer].older = older } else { newest = older }
        slots[slot].older = nil
        slots[slot].newer = nil
    }

    private mutating func append(_ slot: Int) {
        slots[slot].older = newest
        if let newest { slots[newest].newer = slot } else { oldest = slot }
        newest = slot
    }
}

// Slot n has the n-th address of the block that is not reserved.
extension SyntheticAddresses {
    private static func offset(_ slot: Int) -> UInt32 {
        let number = UInt32(truncatingIfNeeded: slot) + 1
        return number < 53 ? number : number + 1
    }

    private static func address(_ slot: Int, _ family: IPAddress.Family) -> IPAddress {
        switch family {
        case .v4: IPAddress(v4: base | offset(slot))
        case .v6: IPAddress(v6High: prefix, low: UInt64(offset(slot)))
        }
    }

    private func slot(of address: IPAddress) -> Int? {
        guard Self.contains(address) else { return nil }
        let low = address.family == .v4 ? address.low - UInt64(Self.base) : address.low
        guard let offset = UInt32(exactly: low), !Self.reserved.contains(offset) else { return nil }
        let slot = Int(offset) - (offset < 53 ? 1 : 2)
        return slots.indices.contains(slot) ? slot : nil
    }
}
