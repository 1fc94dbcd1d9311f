import Credentials
import Testing

struct SecretTests {
    @Test func `a secret shows its octets only where it is asked to`() {
        let secret = Secret("s3cr3t".utf8)
        #expect(secret.withText { $0 } == "s3cr3t")
        #expect(secret.withOctets { $0.count } == 6)
        #expect(secret.count == 6)
    }
}
