"""A router netns with conntrack, two peer netns, raw packet injection.

   [A] a0 --- r0 [R] r1 --- b0 [B]
   10.0.1.2     10.0.1.1 10.0.2.1     10.0.2.2
   fd00:1::2    fd00:1::1 fd00:2::1   fd00:2::2

A and B have no IP stack of their own (addresses are not configured, IPv6 off),
so nothing answers except what a scenario injects. R forwards with static
neighbours. An nft table at hook forward (priority 100, all accept) classifies
every packet by ct state / ct direction through counters; whether the packet
came out on the other side is seen with an AF_PACKET capture.
"""
import os, select, socket, struct, subprocess, time, ctypes, itertools, re
NETLINK_NETFILTER, SOL_NETLINK, CLONE_NEWNET = 12, 270, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
def attrs(b):
    o = 0; out = []
    while o + 4 <= len(b):
        l, t = struct.unpack_from('=HH', b, o)
        if l < 4 or o + l > len(b): break
        out.append((t, b[o + 4:o + l])); o += (l + 3) & ~3
    return out
def split(d):
    o = 0; out = []
    while o + 16 <= len(d):
        l = struct.unpack_from('=I', d, o)[0]
        if l < 16 or o + l > len(d): break
        out.append(d[o:o + l]); o += (l + 3) & ~3
    return out
class Sock:
    def __init__(self):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.s.bind((0, 0))
    def send(self, b): self.s.sendto(b, (0, 0))
    def recv(self):
        out = []
        while True:
            try: out.append(self.s.recv(65536, socket.MSG_DONTWAIT))
            except BlockingIOError: return out
A4, B4, R14, R24 = '10.0.1.2', '10.0.2.2', '10.0.1.1', '10.0.2.1'
A6, B6 = 'fd00:1::2', 'fd00:2::2'
MAC = {'a0': '02:00:00:00:00:0a', 'r0': '02:00:00:00:00:01', 'r1': '02:00:00:00:00:02', 'b0': '02:00:00:00:00:0b'}
def mac(n): return bytes.fromhex(MAC[n].replace(':', ''))
def sh(c, check=True):
    p = subprocess.run(c, shell=True, capture_output=True, text=True)
    if check and p.returncode: raise RuntimeError(c + '\n' + p.stderr)
    return p
_n = itertools.count()

# ---------------------------------------------------------------- packets
def csum(b):
    if len(b) & 1: b += b'\0'
    s = sum(struct.unpack('>%dH' % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def ip4(src, dst, proto, payload, ttl=64, ident=1, frag=0, tos=0, opts=b''):
    ihl = 5 + len(opts) // 4
    h = struct.pack('>BBHHHBBH4s4s', 0x40 | ihl, tos, ihl * 4 + len(payload), ident, frag, ttl, proto, 0, socket.inet_aton(src), socket.inet_aton(dst)) + opts
    h = h[:10] + struct.pack('>H', csum(h)) + h[12:]
    return h + payload
def n6(a): return socket.inet_pton(socket.AF_INET6, a)
def ip6(src, dst, nh, payload, hlim=64):
    return struct.pack('>IHBB', 6 << 28, len(payload), nh, hlim) + n6(src) + n6(dst) + payload
def pseudo(src, dst, proto, ln):
    if ':' in src: return n6(src) + n6(dst) + struct.pack('>II', ln, proto)
    return socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack('>BBH', 0, proto, ln)
FL = dict(F=1, S=2, R=4, P=8, A=16, U=32, E=64, C=128)
def tcp_seg(src, dst, sp, dp, flags, seq=0, ack=0, win=65535, opts=b'', data=b'', doff=None, badsum=False, urg=0):
    f = sum(FL[c] for c in flags)
    opts = opts + b'\1' * (-len(opts) % 4)
    d = (20 + len(opts)) // 4 if doff is None else doff
    h = struct.pack('>HHIIBBHHH', sp, dp, seq & 0xffffffff, ack & 0xffffffff, d << 4, f, win, 0, urg) + opts + data
    c = csum(pseudo(src, dst, 6, len(h)) + h)
    if badsum: c ^= 0x5555
    return h[:16] + struct.pack('>H', c) + h[18:]
def udp_seg(src, dst, sp, dp, data=b'hi', badsum=False, nosum=False, length=None, proto=17, cov=None, pseudo_proto=None):
    l = 8 + len(data) if length is None else length
    h = struct.pack('>HHHH', sp, dp, l if proto == 17 else (cov or 0), 0) + data
    c = csum(pseudo(src, dst, pseudo_proto or proto, len(h)) + (h if not cov else h[:cov])) or 0xffff
    if badsum: c ^= 0x5555
    if nosum: c = 0
    return h[:6] + struct.pack('>H', c) + h[8:]
def icmp(t, code=0, rest=b'\0\0\0\0', data=b'', badsum=False):
    h = struct.pack('>BBH', t, code, 0) + rest + data
    c = csum(h) ^ (0x5555 if badsum else 0)
    return h[:2] + struct.pack('>H', c) + h[4:]
def icmp6(src, dst, t, code=0, rest=b'\0\0\0\0', data=b'', badsum=False):
    h = struct.pack('>BBH', t, code, 0) + rest + data
    c = csum(pseudo(src, dst, 58, len(h)) + h) ^ (0x5555 if badsum else 0)
    return h[:2] + struct.pack('>H', c) + h[4:]
def echo(ident, seq=1): return struct.pack('>HH', ident, seq)
_crc = []
for i in range(256):
    c = i
    for _ in range(8): c = (c >> 1) ^ (0x82f63b78 if c & 1 else 0)
    _crc.append(c)
def crc32c(b):
    c = 0xffffffff
    for x in b: c = _crc[(c ^ x) & 255] ^ (c >> 8)
    return c ^ 0xffffffff
def chunk(t, flags=0, data=b''):
    l = 4 + len(data)
    return struct.pack('>BBH', t, flags, l) + data + b'\0' * (-l % 4)
def sctp(sp, dp, vtag, *chunks, badsum=False):
    h = struct.pack('>HHII', sp, dp, vtag, 0) + b''.join(chunks)
    c = crc32c(h) ^ (1 if badsum else 0)
    return h[:8] + struct.pack('<I', c) + h[12:]
def wscale(n): return b'\3\3' + bytes([n])
MSS, SACKOK = b'\2\4\5\xb4', b'\4\2'
def tsopt(v, e): return b'\x08\x0a' + struct.pack('>II', v, e)
def sackopt(l, r): return b'\5\x0a' + struct.pack('>II', l & 0xffffffff, r & 0xffffffff)

# ---------------------------------------------------------------- ctnetlink decode
TCPS = ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'SYN_SENT2']
SCTPS = ['NONE', 'CLOSED', 'COOKIE_WAIT', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECD', 'SHUTDOWN_ACK_SENT', 'HEARTBEAT_SENT', 'HEARTBEAT_ACKED']
ST = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'SRC_NAT', 'DST_NAT', 'SEQ_ADJUST', 'SRC_NAT_DONE', 'DST_NAT_DONE', 'DYING', 'FIXED_TIMEOUT', 'TEMPLATE', 'NAT_CLASH', 'HELPER', 'OFFLOAD', 'HW_OFFLOAD']
def A(b): return {t & 0x3fff: p for t, p in attrs(b)}
def I(b): return int.from_bytes(b, 'big')
def d_tuple(b):
    a = A(b); r = {}
    ip = A(a[1])
    if 1 in ip: r['src'], r['dst'] = socket.inet_ntoa(ip[1]), socket.inet_ntoa(ip[2])
    else: r['src'], r['dst'] = socket.inet_ntop(socket.AF_INET6, ip[3]), socket.inet_ntop(socket.AF_INET6, ip[4])
    p = A(a[2]); r['l4'] = p[1][0]
    for k, n in ((2, 'sport'), (3, 'dport'), (4, 'icmp_id'), (5, 'type'), (6, 'code'), (7, 'icmp_id'), (8, 'type'), (9, 'code')):
        if k in p: r[n] = I(p[k])
    return r
def d_ct(body, fam):
    a = A(body); r = {'l3': {2: 'ipv4', 10: 'ipv6'}.get(fam, fam)}
    if 1 in a: r['orig'] = d_tuple(a[1])
    if 2 in a: r['reply'] = d_tuple(a[2])
    if 3 in a: r['status'] = [n for i, n in enumerate(ST) if I(a[3]) >> i & 1]
    if 7 in a: r['timeout'] = I(a[7])
    if 4 in a:
        p = A(a[4])
        if 1 in p:
            t = A(p[1]); r['tcp'] = {'state': TCPS[t[1][0]]}
            if 2 in t: r['tcp']['wscale'] = [t[2][0], t[3][0]]
            if 4 in t: r['tcp']['flags'] = [t[4][0], t[5][0]]
        if 3 in p:
            t = A(p[3]); r['sctp'] = {'state': SCTPS[t[1][0]]}
            if 2 in t: r['sctp']['vtag'] = [I(t[2]), I(t[3])]
    for k, n in ((9, 'counters_orig'), (10, 'counters_reply')):
        if k in a: c = A(a[k]); r[n] = [I(c[1]), I(c[2])]
    if 8 in a and I(a[8]): r['mark'] = I(a[8])
    if 14 in a: r['master'] = d_tuple(a[14])
    if 5 in a: r['helper'] = A(a[5])[1].rstrip(b'\0').decode()
    r['_id'] = I(a[12]) if 12 in a else None
    return r

class Lab:
    CT = ['new', 'established', 'related', 'invalid', 'untracked']
    def __init__(self, sysctls=None, setup=(), ct=True, log=True):
        self.p = f'r3l{os.getpid()}-{next(_n)}'
        self.ns = {k: f'{self.p}{k}' for k in 'RAB'}
        R, A_, B_ = (self.ns[k] for k in 'RAB')
        sh(f'ip netns add {R}; ip netns add {A_}; ip netns add {B_}')
        for n in (A_, B_): sh(f'ip netns exec {n} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1')
        sh(f'ip netns exec {R} sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.mldv1_unsolicited_report_interval=1')
        for r, x, n in (('r0', 'a0', A_), ('r1', 'b0', B_)):
            sh(f'ip -n {R} link add {r} address {MAC[r]} type veth peer name {x} address {MAC[x]} netns {n}')
            sh(f'ip netns exec {n} ethtool -K {x} tx off rx off gro off gso off tso off 2>/dev/null', check=False)
        sh(f'''ip -n {R} addr add {R14}/24 dev r0; ip -n {R} addr add {R24}/24 dev r1
ip -n {R} addr add fd00:1::1/64 dev r0 nodad; ip -n {R} addr add fd00:2::1/64 dev r1 nodad
ip -n {R} link set lo up; ip -n {R} link set r0 up; ip -n {R} link set r1 up
ip -n {A_} link set a0 up; ip -n {B_} link set b0 up
ip -n {R} neigh replace {A4} lladdr {MAC["a0"]} dev r0 nud permanent; ip -n {R} neigh replace {B4} lladdr {MAC["b0"]} dev r1 nud permanent
ip -n {R} neigh replace {A6} lladdr {MAC["a0"]} dev r0 nud permanent; ip -n {R} neigh replace {B6} lladdr {MAC["b0"]} dev r1 nud permanent
ip netns exec {R} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.r0.rp_filter=0 net.ipv4.conf.r1.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.netfilter.nf_conntrack_acct=1''')
        for k, v in (sysctls or {}).items(): sh(f'ip netns exec {R} sysctl -qw {k}={v}')
        if ct:
            rules = '\n'.join(f'  ct state {s} ct direction {d} counter name {s}_{d}' for s in ('new', 'established', 'related') for d in ('original', 'reply'))
            cs = '\n'.join(f' counter {s}_{d} {{}}' for s in ('new', 'established', 'related') for d in ('original', 'reply')) + '\n counter invalid {}\n counter untracked {}\n counter total {}'
            f = f'table inet lab {{\n{cs}\n chain f {{ type filter hook forward priority 100;\n  counter name total\n{rules}\n  ct state invalid counter name invalid\n  ct state untracked counter name untracked\n }}\n}}'
            p = subprocess.run(['ip', 'netns', 'exec', R, 'nft', '-f', '-'], input=f, text=True, capture_output=True)
            if p.returncode: raise RuntimeError(p.stderr)
        for c in setup: sh(f'ip netns exec {R} {c}')
        self.sock = {}
        cur = os.open('/proc/self/ns/net', os.O_RDONLY)
        for n, i in ((A_, 'a0'), (B_, 'b0')):
            self._enter(n); s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind((i, 3)); s.setblocking(False); self.sock[i] = s
        self._enter(R)
        self.ev = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.ev.bind((0, 0))
        for g in (1, 2, 3, 4, 5, 6): self.ev.setsockopt(SOL_NETLINK, 1, g)
        self.ct = Sock()
        # NFLOG group 0 receives the tracker's "invalid" log messages (reason text)
        sh('sysctl -qw net.netfilter.nf_conntrack_log_invalid=255 net.netfilter.nf_log.2=nfnetlink_log net.netfilter.nf_log.10=nfnetlink_log') if log else None
        self.log = Sock()
        for body in (struct.pack('=HHB3x', 5, 1, 1), struct.pack('=HH', 10, 2) + struct.pack('>IBx', 0, 0) + b'\0\0', struct.pack('=HH', 8, 5) + struct.pack('>I', 1)):
            self.log.send(struct.pack('=IHHIIBBH', 20 + len(body), 0x401, 5, 1, 0, 0, 0, 0) + body)
        self.log.recv()
        libc.setns(cur, CLONE_NEWNET); os.close(cur)
        self.ids = {}; self.t0 = None; self.base = self.counters()
    def _enter(self, n):
        fd = os.open(f'/run/netns/{n}', os.O_RDONLY); libc.setns(fd, CLONE_NEWNET); os.close(fd)
    def close(self):
        for s in self.sock.values(): s.close()
        self.ev.close(); self.ct.s.close(); self.log.s.close()
        for n in self.ns.values(): sh(f'ip netns del {n}', check=False)
    def R(self, c, check=True): return sh(f'ip netns exec {self.ns["R"]} {c}', check)
    def counters(self):
        o = self.R('nft list counters table inet lab', check=False).stdout
        return {m[0]: int(m[1]) for m in re.findall(r'counter (\w+) \{\s+packets (\d+)', o)}
    def idn(self, i):
        if i is None: return None
        return self.ids.setdefault(i, f'#{len(self.ids) + 1}')
    def flows(self):
        out = []
        for fam in (2, 10):
            self.ct.send(struct.pack('=IHHIIBBH', 20, 0x101, 0x301, 7, 0, fam, 0, 0))
            for d in self.ct.recv():
                for m in split(d):
                    if struct.unpack_from('=H', m, 4)[0] >> 8 == 1:
                        f = d_ct(m[20:], m[16]); f['id'] = self.idn(f.pop('_id')); out.append(f)
        out.sort(key=lambda f: int(f['id'][1:]))
        return out
    def events(self):
        out = []
        while True:
            try: d = self.ev.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError: break
            for m in split(d):
                t, fl = struct.unpack_from('=HH', m, 4)
                if t >> 8 == 1:
                    f = d_ct(m[20:], m[16]); i = f.pop('_id')
                    k = 'DESTROY' if t & 255 == 2 else ('NEW' if fl & 0x600 else 'UPDATE')
                    e = {'event': k, 'id': self.idn(i)}
                    for x in ('status', 'timeout', 'tcp', 'sctp', 'counters_orig', 'counters_reply', 'mark', 'helper'):
                        if x in f: e[x] = f[x]
                    o = f.get('orig', {}); e['orig'] = o
                    out.append(e)
                elif t >> 8 == 2: out.append({'event': {0: 'EXP_NEW', 2: 'EXP_DESTROY'}.get(t & 255, t & 255), 'raw': m[16:].hex()})
        return out
    STATS = {2: 'found', 4: 'invalid', 8: 'insert', 9: 'insertFailed', 10: 'drop', 11: 'earlyDrop', 12: 'error', 14: 'clashResolve'}
    def stats(self):
        """What `conntrack -S` counts, of all processors together."""
        self.ct.send(struct.pack('=IHHIIBBH', 20, 0x104, 0x301, 8, 0, 0, 0, 0)); out = dict.fromkeys(self.STATS.values(), 0)
        for d in self.ct.recv():
            for m in split(d):
                if struct.unpack_from('=H', m, 4)[0] >> 8 != 1: continue
                for t, b in attrs(m[20:]):
                    if t & 0x3fff in self.STATS: out[self.STATS[t & 0x3fff]] += I(b)
        return out
    def reasons(self):
        out = []
        for d in self.log.recv():
            for m in split(d):
                if struct.unpack_from('=H', m, 4)[0] == 0x400:
                    a = A(m[20:])
                    if 10 in a: out.append(a[10].rstrip(b'\0').decode('latin1').strip())
        return out
    def flush(self): self.R('conntrack -F', check=False); self.events(); self.reasons(); self.ids = {}
    def text(self):
        o = self.R('conntrack -L -o extended,id 2>/dev/null; ip netns exec %s conntrack -L -f ipv6 -o extended,id 2>/dev/null' % self.ns['R'], check=False).stdout
        o = re.sub(r'\bid=(\d+)[ \t]*$', lambda m: 'id=' + (self.idn(int(m[1])) or '?'), o, flags=re.M)
        return [re.sub(r' use=\d+', '', l) for l in o.splitlines() if l.strip()]
    def drain(self):
        for s in self.sock.values():
            while True:
                try: s.recv(65536)
                except BlockingIOError: break
    def inject(self, direction, pkt):
        """direction: out = A->B, in = B->A. Returns list of IP packets seen on the other side"""
        src, rt, dst = ('a0', 'r0', 'b0') if direction == 'out' else ('b0', 'r1', 'a0')
        et = 0x86dd if pkt[0] >> 4 == 6 else 0x0800
        self.drain()
        self.sock[src].send(mac(rt) + mac(src) + struct.pack('>H', et) + pkt)
        time.sleep(0.006)
        # a busy machine takes longer; what nobody forwards has been looked for twice
        if not select.select([self.sock[dst], self.sock[src]], [], [], 0)[0]: time.sleep(0.02)
        def rd(i):
            got = []
            while True:
                try: d, ad = self.sock[i].recvfrom(65536)
                except BlockingIOError: break
                if ad[2] == 4: continue   # PACKET_OUTGOING
                if d[12:14] in (b'\x08\x00', b'\x86\xdd') and not (d[12:14] == b'\x86\xdd' and d[14 + 24] == 0xff): got.append(d[14:])
            return got
        return rd(dst), rd(src)
