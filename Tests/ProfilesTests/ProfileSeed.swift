/// A profile that has something of everything, to be damaged.
enum ProfileSeed {
    static let text = """
        bailey: 1
        name: app
        extends: []
        files: {read: [/a, ~/b], write: ["$WORKSPACE"], hide: [$TMPDIR/c], protect: ["$WORKSPACE/**/.git/hooks/"]}
        env:
          pass: [LANG, "CI_*"]
          set: {MODE: x}
        limits: {memory: 4GiB, cpus: 1.5, time: 30m}
        egress:
          - to: https://*.a.test:8443
            allow: ["GET /a/**", '* /b/*', git fetch]
            private: true
            mask: [pii]
          - to: tcp://[2001:db8::1]:22
            allow: [connect]
        children: {profiles: [a, b], ask: ["c*"], approval: {wait: 5m}, depth: 1, count: 2}

        """
}
