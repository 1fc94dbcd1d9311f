import Foundation
import Gateway
import Glibc
import Model
import Testing

/// Requests for tokens at hosts with several addresses.
@Suite struct TokenClientTests {
    /// A listener at an address of loopback, with which no handshake comes about.
    private final class Silent {
        let port: UInt16
        private let descriptor: Int32

        /// `closes` what it accepts, at once; otherwise nothing is accepted.
        init(_ address: String, port: UInt16 = 0, closes: Bool = false) throws {
            let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            inet_pton(AF_INET, address, &name.sin_addr)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listening, $0, size) == 0 && listen(listening, 8) == 0
                        && getsockname(listening, $0, &size) == 0
                }
            }
            try #require(isBound)
            descriptor = listening
            self.port = UInt16(bigEndian: name.sin_port)
            guard closes else { return }
            Thread {
                while case let connection = accept(listening, nil, nil), connection >= 0 { close(connection) }
            }.start()
        }

        deinit {
            shutdown(descriptor, Int32(SHUT_RDWR))
            close(descriptor)
        }

        /// Somebody has connected.
        var isCalled: Bool {
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&watched, 1, 0) == 1
        }
    }

    /// Asks a host with these addresses, in this order; why it failed.
    private func post(to addresses: [String], _ port: UInt16) throws -> String {
        var limits = GatewayLimits()
        limits.token = 5_000
        let house = try House(
            [],
            resolve: [:],
            names: Answers(table: ["allowed.test": addresses]),
            limits: limits
        )
        let host = Host.name(try #require(DNSName("allowed.test")))
        let form = FormPost(
            endpoint: Endpoint(scheme: .https, host: host, port: port),
            target: "/token",
            authorization: "Basic eDp5",
            body: "grant_type=client_credentials"
        )
        do throws(CredentialFailure) {
            return "status \(try house.gateway.post(form).status)"
        } catch {
            return error.message
        }
    }

    @Test func `Where a connection came about and failed, the secret is not said at a second address`() throws
    {
        let first = try Silent("127.0.0.1", closes: true)
        let second = try Silent("127.0.0.2", port: first.port)
        let failure = try post(to: ["127.0.0.1", "127.0.0.2"], first.port)
        #expect(failure.contains("could not be reached"), "\(failure)")
        #expect(!second.isCalled)
    }

    @Test func `Where nobody is there, the next address is asked`() throws {
        let second = try Silent("127.0.0.2")
        let failure = try post(to: ["127.0.0.3", "127.0.0.2"], second.port)
        #expect(failure.contains("did not answer"), "\(failure)")
        #expect(second.isCalled)
    }
}
