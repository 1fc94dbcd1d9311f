import Foundation
import Testing

extension EndToEnd {
    /// What an agent sends by UDP reaches nobody, and is on record.
    @Suite("Datagrams", .serialized)
    struct DatagramTests {
        private func python(_ text: String) -> String {
            "exec python3 - <<'END'\nimport os, socket\n\(text)\nEND\n"
        }

        private func send(_ family: String, _ address: String, _ port: Int) -> String {
            """
            peer = socket.socket(socket.\(family), socket.SOCK_DGRAM)
            peer.settimeout(30)
            peer.connect((\(address), \(port)))
            peer.send(b"hello")
            try:
                print(peer.recv(16))
            except ConnectionRefusedError:
                print("refused")

            """
        }

        @Test(
            "A14 A15: each destination is on record once, by its name or address, and the sender hears of the refusal",
            arguments: Standing.possible
        )
        func destinations(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script =
                send("AF_INET", "'93.184.216.66'", 9999) + send("AF_INET", "'93.184.216.66'", 9999)
                + send("AF_INET6", "'2606:2800::66'", 443) + send("AF_INET6", "'::ffff:198.51.100.7'", 123)
                + send("AF_INET", "socket.gethostbyname('quic.test')", 443)
                + send("AF_INET", "'127.0.0.1'", 4000)
            let outcome = try place.agent(python(script), at: standing)
            #expect(outcome.lines == Array(repeating: "refused", count: 6), "\(outcome)")
            let records = try place.records()
            #expect(
                records.map(\.record.resource).sorted() == [
                    "udp://198.51.100.7:123", "udp://93.184.216.66:9999", "udp://[2606:2800::66]:443",
                    "udp://quic.test:443",
                ]
            )
            #expect(records.allSatisfy { $0.verdict == "deny" && $0.record.action == "connect" })
            #expect(records.allSatisfy { $0.record.message?.contains("fall back to TCP") ?? false })
            #expect(Set(records.map(\.agent)).count == 1)
            // As many as `--denied` lists.
            #expect(outcome.errors.contains("bailey: 4 requests were refused; "), "\(outcome)")
        }

        @Test("A14: a datagram that is an agent's last act is on record before its end")
        func lastAct() throws {
            let place = try Place()
            for round in 1...20 {
                let script = """
                    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    peer.sendto(b"x", ("93.184.216.66", \(round)))
                    os._exit(0)
                    """
                #expect(try place.agent(python(script)).code == 0)
            }
            #expect(
                try place.records().map(\.record.resource) == (1...20).map { "udp://93.184.216.66:\($0)" }
            )
        }

        @Test("A14: a flood leaves a bounded number of records, and the count of what is not listed")
        func flood() throws {
            let place = try Place()
            let script = """
                peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
                sent = 0
                for number in range(20000):
                    try:
                        peers[number % 8].sendto(b"x", ("93.184.%d.%d" % (number >> 8, number & 255), 9999))
                        sent += 1
                    except OSError:
                        pass
                print(sent)
                """
            let outcome = try place.agent(python(script))
            let sent = try #require(Int(outcome.lines.first ?? ""), "\(outcome)")
            let records = try place.records().map(\.record)
            let listed = records.filter { $0.resource.hasPrefix("udp://93.184.") }
            #expect(listed.count == 64, "\(listed.count)")
            let last = try #require(records.last)
            #expect(records.count == 65 && last.resource == "udp")
            #expect(
                last.message?.hasPrefix("\(sent - 64) more refused datagrams") ?? false,
                "\(sent): \(last)"
            )
        }
    }
}
