import Model
import Signing
import Testing

/// A request of AWS's test suite for Signature Version 4 (2015-08-30, service `service`), or of S3's, and its signature
/// as botocore 1.4x makes it, which gives those of the suite.
private struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let method: String
    let path: String
    var query: String?
    var fields: [(String, String)] = []
    var body = ""
    var service = "service"
    let signature: String

    var testDescription: String { name }
}

private let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
private let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

private let vectors = [
    Vector(
        name: "get-vanilla",
        method: "GET",
        path: "/",
        signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    ),
    Vector(
        name: "get-vanilla-query-order-key-case",
        method: "GET",
        path: "/",
        query: "Param2=value2&Param1=value1",
        signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    ),
    Vector(
        name: "get-vanilla-query-order-value",
        method: "GET",
        path: "/",
        query: "Param1=value2&Param1=value1",
        signature: "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"
    ),
    Vector(
        name: "get-vanilla-empty-query-key",
        method: "GET",
        path: "/",
        query: "Param1=value1",
        signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"
    ),
    Vector(
        name: "get-vanilla-query-unreserved",
        method: "GET",
        path: "/",
        query: "\(unreserved)=\(unreserved)",
        signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"
    ),
    Vector(
        name: "get-utf8",
        method: "GET",
        path: "/%E1%88%B4",
        signature: "697b34846207a3f72246f99d74ae1ee4fe54f44bb06730c58a0d339eb079596d"
    ),
    Vector(
        name: "get-vanilla-utf8-query",
        method: "GET",
        path: "/",
        query: "%E1%88%B4=bar",
        signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"
    ),
    Vector(
        name: "get-header-value-trim",
        method: "GET",
        path: "/",
        fields: [("My-Header1", " value1"), ("My-Header2", "\"a   b   c\"")],
        signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
    ),
    Vector(
        name: "get-space",
        method: "GET",
        path: "/example%20space/",
        signature: "446b817944c553435b35e813c261ff4e161fff982d1bacdef1c87f6785dd1662"
    ),
    Vector(
        name: "post-vanilla",
        method: "POST",
        path: "/",
        signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    ),
    Vector(
        name: "post-vanilla-query",
        method: "POST",
        path: "/",
        query: "Param1=value1",
        signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"
    ),
    Vector(
        name: "post-header-key-case",
        method: "POST",
        path: "/",
        fields: [("My-Header1", "value1")],
        signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"
    ),
    Vector(
        name: "post-x-www-form-urlencoded",
        method: "POST",
        path: "/",
        fields: [("Content-Type", "application/x-www-form-urlencoded")],
        body: "Param1=value1",
        signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    ),
    Vector(
        name: "post-x-www-form-urlencoded-parameters",
        method: "POST",
        path: "/",
        fields: [("Content-Type", "application/x-www-form-urlencoded; charset=utf8")],
        body: "Param1=value1",
        signature: "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"
    ),
    Vector(
        name: "S3: a key with a colon and a space, encoded once",
        method: "GET",
        path: "/bucket/a%3Ab%20c",
        fields: [("X-Amz-Content-SHA256", empty)],
        service: "s3",
        signature: "2665a7b8cb99178d1b112c2cdc4d857dcc8ecd0f3bc9a7cc4745b00699334354"
    ),
    Vector(
        name: "S3: the same key with its colon as it is",
        method: "GET",
        path: "/bucket/a:b%20c",
        fields: [("X-Amz-Content-SHA256", empty)],
        service: "s3",
        signature: "2665a7b8cb99178d1b112c2cdc4d857dcc8ecd0f3bc9a7cc4745b00699334354"
    ),
    Vector(
        name: "S3: a list",
        method: "GET",
        path: "/bucket",
        query: "list-type=2&prefix=a%2Fb%20c&delimiter=%2F",
        fields: [("X-Amz-Content-SHA256", empty)],
        service: "s3",
        signature: "2660243019fc36e40f24c506275deac9715a3f6e200e726a4659b1523254ee3c"
    ),
    Vector(
        name: "S3: a parameter without a value",
        method: "GET",
        path: "/bucket/key",
        query: "acl",
        fields: [("X-Amz-Content-SHA256", empty)],
        service: "s3",
        signature: "618c9e7d540dd90595031e1e92bdd2d0fc709cb744b0cb9d54f44699c90ef2e1"
    ),
]

struct AWSSignerTests {
    private static let time = AWSTime(seconds: 1_440_938_160)

    @Test(arguments: vectors)
    private func `a request of the test suite has the suite's signature`(vector: Vector) throws {
        let key = try #require(AWSKey("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
        let scope = try #require(AWSScope(region: "us-east-1", service: vector.service))
        let fields = vector.fields + [("Host", "example.amazonaws.com"), ("X-Amz-Date", Self.time.text)]
        let parts = AWSSigner.Parts(
            method: vector.method,
            path: vector.path,
            query: vector.query,
            fields: fields.map { (name: $0.0, value: $0.1) },
            payload: AWSSigner.digest([Array(vector.body.utf8)])
        )
        let value = AWSSigner(key, scope, at: Self.time).authorization(for: parts)
        #expect(value.hasSuffix(", Signature=\(vector.signature)"), "\(value)")
        let credential = "Credential=AKIDEXAMPLE/20150830/us-east-1/\(vector.service)/aws4_request"
        #expect(value.hasPrefix("AWS4-HMAC-SHA256 \(credential), SignedHeaders="), "\(value)")
    }

    @Test(arguments: [
        (Int64(0), "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"),
        (951_868_800, "20000301T000000Z"), (1_440_938_160, "20150830T123600Z"),
        (4_107_542_400, "21000301T000000Z"),
        (4_107_456_000, "21000228T000000Z"), (-5, "19700101T000000Z"), (253_402_300_799, "99991231T235959Z"),
        (Int64.max, "99991231T235959Z"),
    ])
    func `a moment is written as AWS reads it`(seconds: Int64, text: String) {
        #expect(AWSTime(seconds: seconds).text == text)
    }

    @Test(arguments: ["", "AKID", "AKID:", ":secret", "AKID:secret:"])
    func `what is no key is none`(text: String) {
        #expect(AWSKey(text) == nil)
    }

    @Test func `a key has no description that shows it`() throws {
        let key = try #require(AWSKey("AKIDEXAMPLE:s3cr3t:t0k3n:with:colons"))
        #expect(key.token == "t0k3n:with:colons")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!("\(key)" + String(reflecting: key) + dumped).contains("s3cr3t"))
    }

    @Test(arguments: [
        ("s3.eu-central-1.amazonaws.com", "eu-central-1", "s3", ""),
        ("bucket.s3.eu-central-1.amazonaws.com", "eu-central-1", "s3", ""),
        ("bucket.s3.amazonaws.com", "eu-central-1", "s3", ""),
        ("s3-accelerate.amazonaws.com", "eu-west-1", "s3", ""),
        ("sts.amazonaws.com", "us-east-1", "sts", ""),
        ("bedrock-runtime.us-west-2.amazonaws.com", "us-west-2", "bedrock", ""),
        ("email.us-east-1.amazonaws.com", "us-east-1", "ses", ""),
        ("sqs.us-gov-west-1.amazonaws.com", "us-gov-west-1", "sqs", ""),
        ("dynamodb.cn-north-1.amazonaws.com.cn", "cn-north-1", "dynamodb", ""),
        ("s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1", "s3", ""),
        ("s3.eu-central-1.amazonaws.com", "us-east-1", "s3", "is in eu-central-1"),
        ("s3.eu-central-1.amazonaws.com", "eu-central-1", "iam", "does not name"),
        ("iam.amazonaws.com", "us-east-1", "sts", "does not name"),
        ("s3.eu-central-1.amazonaws.com.evil.test", "eu-central-1", "s3", "no host of AWS"),
        ("s3.eu-central-1.notamazonaws.com", "eu-central-1", "s3", "no host of AWS"),
        ("amazonaws.com", "eu-central-1", "s3", "no host of AWS"),
        ("minio.test", "us-east-1", "s3", "no host of AWS"),
    ])
    func `a signature is for the host's own region and service`(
        host: String,
        region: String,
        service: String,
        says: String
    ) throws {
        let scope = try #require(AWSScope(region: region, service: service))
        let objection = AWSHost.objection(to: scope, at: .name(try #require(DNSName(host))))
        #expect(says.isEmpty ? objection == nil : objection?.contains(says) == true, "\(objection ?? "none")")
    }

    @Test func `an address is no host of AWS`() throws {
        let scope = try #require(AWSScope(region: "us-east-1", service: "s3"))
        #expect(AWSHost.objection(to: scope, at: .address(IPAddress(v4: 1))) != nil)
    }

    @Test(arguments: [
        ("", "s3"), ("eu", ""), ("eu/x", "s3"), ("eu", "s3 "), (String(repeating: "a", count: 65), "s3"),
    ])
    func `what could not stand in a scope is none`(region: String, service: String) {
        #expect(AWSScope(region: region, service: service) == nil)
    }
}
