import DNSProtocol
import Model
import TestSupport
import Testing

struct SyntheticAddressesTests {
    private static func name(_ number: Int) throws -> DNSName { try #require(DNSName("n\(number).test")) }

    private static func v4(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func `Addresses are given out in order, a name keeps its own, both families alike`() throws {
        var addresses = SyntheticAddresses()
        let first = try Self.name(1)
        #expect(addresses.address(for: first, .v4)?.description == "198.18.0.1")
        #expect(addresses.address(for: first, .v6)?.description == "fd9b:a11e:7053::1")
        #expect(addresses.address(for: try Self.name(2), .v6)?.description == "fd9b:a11e:7053::2")
        #expect(addresses.address(for: try Self.name(2), .v4)?.description == "198.18.0.2")
        #expect(addresses.address(for: first, .v4)?.description == "198.18.0.1")
        #expect(addresses.name(for: try Self.v4("198.18.0.2")) == (try Self.name(2)))
        #expect(addresses.count == 2)
    }

    @Test(arguments: [
        "198.18.0.0", "198.18.0.53", "198.18.0.2", "198.19.255.255", "198.17.255.255", "198.20.0.0",
        "127.1.9.9",
        "fd9b:a11e:7053::", "fd9b:a11e:7053::35", "fd9b:a11e:7053::2", "fd9b:a11e:7053::1:0:1",
        "fd9b:a11e:7054::1",
        "::1", "93.184.216.34",
    ])
    func `B15: an address that was never given out stands for nothing`(text: String) throws {
        var addresses = SyntheticAddresses()
        _ = addresses.address(for: try Self.name(1), .v4)
        let address = try Self.v4(text)
        #expect(addresses.name(for: address) == nil)
        #expect(addresses.retain(address) == nil)
        addresses.release(address)
        #expect(addresses.count == 1)
    }

    @Test func `The resolver's own address is never given out, nor one twice`() throws {
        var addresses = SyntheticAddresses()
        var seen: Set<IPAddress> = []
        for number in 0..<1000 {
            let fresh = addresses.address(for: try Self.name(number), .v4)
            let address = try #require(fresh)
            #expect(address != SyntheticAddresses.resolver)
            #expect(SyntheticAddresses.contains(address))
            #expect(seen.insert(address).inserted)
        }
        #expect(SyntheticAddresses.resolver.description == "198.18.0.53")
    }

    @Test func `B14: 70 000 names never recycle an address that a connection holds, and never cross`() throws
    {
        var addresses = SyntheticAddresses()
        let kept = [1, 500, 30_000]
        var held: [(Int, IPAddress)] = []
        for number in 0..<70_000 {
            let name = try Self.name(number)
            let fresh = addresses.address(for: name, .v4)
            let address = try #require(fresh)
            guard addresses.name(for: address) == name else {
                Issue.record("\(address) stands for another name than \(name)")
                return
            }
            if kept.contains(number) {
                #expect(addresses.retain(address) == name)
                held.append((number, address))
            }
        }
        #expect(addresses.count == SyntheticAddresses.maximumNames)
        for (number, address) in held {
            #expect(addresses.name(for: address) == (try Self.name(number)))
            #expect(addresses.address(for: try Self.name(number), .v4) == address)
        }
        let recycled = try Self.v4("198.18.0.1")
        #expect(addresses.name(for: recycled) == (try Self.name(65_536)))
    }

    @Test func `The name asked for least recently goes first`() throws {
        var addresses = SyntheticAddresses(capacity: 3)
        let first = addresses.address(for: try Self.name(1), .v4)
        let second = addresses.address(for: try Self.name(2), .v4)
        let third = addresses.address(for: try Self.name(3), .v4)
        _ = addresses.address(for: try Self.name(1), .v6)
        #expect(addresses.address(for: try Self.name(4), .v4) == second)
        #expect(addresses.address(for: try Self.name(5), .v4) == third)
        #expect(addresses.address(for: try Self.name(6), .v4) == first)
    }

    @Test func `An address is free again after as many releases as there were connections`() throws {
        var addresses = SyntheticAddresses(capacity: 1)
        let given = addresses.address(for: try Self.name(1), .v4)
        let givenTwin = addresses.address(for: try Self.name(1), .v6)
        let address = try #require(given)
        let twin = try #require(givenTwin)
        #expect(addresses.retain(address) != nil)
        #expect(addresses.retain(twin) != nil)
        addresses.release(address)
        #expect(addresses.address(for: try Self.name(2), .v4) == nil)
        addresses.release(twin)
        addresses.release(twin)
        #expect(addresses.address(for: try Self.name(2), .v4) == address)
        #expect(addresses.name(for: address) == (try Self.name(2)))
    }

    /// A plain dictionary and list beside it, through a random history.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func `It agrees with a plain model through random histories`(seed: UInt64) throws {
        var random = SplitMix(seed)
        var addresses = SyntheticAddresses(capacity: 4)
        var order: [DNSName] = []
        var holders: [DNSName: Int] = [:]
        for _ in 0..<200 {
            let name = try Self.name(Int.random(in: 0..<7, using: &random))
            if Bool.random(using: &random) {
                let address = addresses.address(for: name, .v4)
                if !order.contains(name), order.count == 4 {
                    guard let victim = order.first(where: { holders[$0, default: 0] == 0 }) else {
                        #expect(address == nil)
                        continue
                    }
                    order.removeAll { $0 == victim }
                }
                if holders[name, default: 0] == 0 {
                    order.removeAll { $0 == name }
                    order.append(name)
                }
                #expect(address.flatMap { addresses.name(for: $0) } == name)
            } else if order.contains(name), let address = addresses.address(for: name, .v6) {
                if Bool.random(using: &random) {
                    #expect(addresses.retain(address) == name)
                    holders[name, default: 0] += 1
                } else if holders[name, default: 0] > 0 {
                    addresses.release(address)
                    holders[name, default: 0] -= 1
                }
                if holders[name, default: 0] == 0 {
                    order.removeAll { $0 == name }
                    order.append(name)
                }
            }
            #expect(addresses.count == order.count)
        }
    }
}
