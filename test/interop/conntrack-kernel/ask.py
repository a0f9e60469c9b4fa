#!/usr/bin/env python3
"""Asks this machine's kernel random questions about connection tracking, in network namespaces of its own.

ask.py KIND SEED COUNT: KIND is tcp, reset, sctp, errors, mixed, fragments or rules. Writes scenarios in the format of test/golden/conntrack to standard output.
Needs root, nft, conntrack, iptables, ip.
"""
import json, platform, random, sys
from lab import *

def is_hairpin(sent, seen):
    """Whether a packet that came back to its own side is the one that was sent, rather than an error about it: its addresses are its own."""
    v6 = sent[0] >> 4 == 6
    return seen[8:40] == sent[8:40] if v6 else seen[12:20] == sent[12:20]

def record(name, steps, sysctls=None, setup=()):
    """steps: (direction, packet, note) or ('cmd', line)"""
    L = Lab(sysctls, setup); out = []; t0 = None
    try:
        for step in steps:
            base = L.counters(); before = L.stats(); t = time.time(); t0 = t0 or t; ms = round((t - t0) * 1000)
            rec = {'t_ms': ms, 't_real_ms': ms}
            if step[0] == 'cmd':
                rec.update(cmd=step[1], rc=L.R(step[1], check=False).returncode)
            else:
                got, back = L.inject(step[0], step[1]); now = L.counters()
                ct = [k for k in now if k != 'total' and now[k] != base[k]]
                rec.update(dir=step[0], packet=step[1].hex(), note=step[2], ct=ct[0] if len(ct) == 1 else ct, forwarded=len(got) or sum(is_hairpin(step[1], one) for one in back))
            rec['events'] = L.events(); rec['flows'] = L.flows(); rec['read_ms'] = round((time.time() - t0) * 1000); reasons = L.reasons()
            if reasons: rec['log_invalid'] = reasons
            after = L.stats(); counted = {k: v - before[k] for k, v in after.items() if v != before[k]}
            # a router that sends a packet back where it came from may say so by a redirect of its own, which is counted, too
            if step[0] != 'cmd' and back: counted.pop('error', None)
            if counted: rec['counted'] = counted
            out.append(rec)
    finally: L.close()
    return {'name': name, 'note': '', 'sysctls': sysctls or {}, 'setup': list(setup), 'counts': True, 'steps': out}

def ask_tcp(rnd, seed, n):
    scen = []; M = 0xffffffff
    for i in range(n):
        c=rnd.choice([1000,0xfffffff0,rnd.getrandbits(32)]); s=rnd.choice([5000,0xffffff00,rnd.getrandbits(32)])
        cn,sn=(c+1)&M,(s+1)&M
        cw=rnd.choice([65535,1000,0,8192]); sw=rnd.choice([65535,1000,0,8192])
        def opts():
            o=b''
            if rnd.random()<.4: o+=wscale(rnd.choice([0,2,7,14]))
            if rnd.random()<.4: o+=SACKOK
            if rnd.random()<.4: o+=MSS
            return o
        st=[]
        def C(fl,seq,ack=0,win=None,o=b'',d=b''): st.append(('out',ip4(A4,B4,6,tcp_seg(A4,B4,1000,80,fl,seq,ack,cw if win is None else win,o,d)),f'C {fl} seq={seq-c & M if seq is not None else 0}+c ack={(ack-s)&M}+s len={len(d)} win={cw if win is None else win}'))
        def S(fl,seq,ack=0,win=None,o=b'',d=b''): st.append(('in',ip4(B4,A4,6,tcp_seg(B4,A4,80,1000,fl,seq,ack,sw if win is None else win,o,d)),f'S {fl} seq={(seq-s)&M}+s ack={(ack-c)&M}+c len={len(d)} win={sw if win is None else win}'))
        start=rnd.random()
        if start<.75:
            C('S',c,o=opts())
            if rnd.random()<.85:
                S('SA',s,cn,o=opts())
                if rnd.random()<.9: C('A',cn,sn)
        elif start<.9: C('A',cn,sn,d=rnd.choice([b'',b'x'*50]))
        cp,sp=cn,sn
        for k in range(rnd.randint(3,12)):
            who=rnd.random()<.5
            fl=rnd.choice(['A','A','PA','PA','A','FA','FA','R','RA','S','SA','FPA','SE','APU','F',''])
            ln=rnd.choice([0,0,1,50,100,999]) if 'A' in fl and 'S' not in fl and 'R' not in fl else 0
            js=rnd.choice([0,0,0,0,0,0,1,-1,5,-100,1000,-1000,1001,1002,65534,65535,65536,-65535,-65536,-65537,-66001,100000,5000000,rnd.getrandbits(32)])
            ja=rnd.choice([0,0,0,0,0,0,1,-1,2,-100,1000,-66000,-66001,-66002,100000,rnd.getrandbits(32)])
            wn=rnd.choice([None,None,None,0,1,1000,65535])
            o=b''
            if 'S' in fl: o=opts()
            elif rnd.random()<.15: o=b'\1\1'+tsopt(1,2)
            elif rnd.random()<.15: o=sackopt((cp if not who else sp)+rnd.choice([10,100,1000]),(cp if not who else sp)+rnd.choice([10,100,200,1100]))
            if 'A' not in fl and rnd.random()<.8: ackv=0
            else: ackv=None
            if who:
                seq=(cp+js)&M; 
                if fl.startswith('S') and rnd.random()<.5: seq=(rnd.choice([c,90000,rnd.getrandbits(32)]))&M
                if 'R' in fl and rnd.random()<.1: seq=0
                a=(sp+ja)&M if ackv is None else 0
                C(fl,seq,a,wn,o,b'x'*ln)
                if js==0: cp=(cp+ln+('F' in fl))&M
            else:
                seq=(sp+js)&M
                if fl.startswith('S') and rnd.random()<.5: seq=(rnd.choice([s,95000,rnd.getrandbits(32)]))&M
                if 'R' in fl and rnd.random()<.1: seq=0
                a=(cp+ja)&M if ackv is None else 0
                # sometimes acknowledge the last SYN of the client
                if rnd.random()<.3 and ('S' in fl or 'R' in fl):
                    last=[x for x in st if x[2].startswith('C S')]
                    if last: a=(int.from_bytes(last[-1][1][24:28],'big')+1)&M
                S(fl,seq,a,wn,o,b'x'*ln)
                if js==0: sp=(sp+ln+('F' in fl))&M
            if rnd.random()<.15: st.append(st[-1]); 
            if rnd.random()<.05: st+= [st[-1]]*3
        sy={}
        if rnd.random()<.1: sy['net.netfilter.nf_conntrack_tcp_be_liberal']=1
        if rnd.random()<.1: sy['net.netfilter.nf_conntrack_tcp_ignore_invalid_rst']=1
        if rnd.random()<.2: sy['net.netfilter.nf_conntrack_tcp_timeout_max_retrans']=rnd.choice([200,400,5])
        if rnd.random()<.2: sy['net.netfilter.nf_conntrack_tcp_timeout_unacknowledged']=rnd.choice([250,100,500])
        if rnd.random()<.1: sy['net.netfilter.nf_conntrack_tcp_max_retrans']=rnd.choice([0,1,5])
        scen.append(record(f'tcp-{seed}-{i}',st,sy))
    return scen

def ask_reset(rnd, seed, n):
    """Half-open connections and what resets them: segments that pass without a part in the flow, and RSTs whose numbers answer them, or nearly."""
    scen = []; M = 0xffffffff
    for i in range(n):
        st=[]; v6=rnd.random()<.3; sy={}
        c=rnd.choice([1000,0xfffffff0,rnd.getrandbits(32)]); s=rnd.choice([5000,0xffffff00,rnd.getrandbits(32)])
        seen={'out':[c,(c+1)&M],'in':[s,(s+1)&M]}; acked=[0,(c+1)&M,(s+1)&M]
        def put(d,fl,seq,ack,data=b'',win=None,o=b''):
            a,b=(A6,B6) if v6 else (A4,B4)
            sp,dp=1000,80
            if d=='in': a,b,sp,dp=b,a,dp,sp
            seg=tcp_seg(a,b,sp,dp,fl,seq,ack,rnd.choice([65535,1000,0]) if win is None else win,o,data)
            st.append((d, ip6(a,b,6,seg) if v6 else ip4(a,b,6,seg), f'{d} {fl} seq={seq} ack={ack} len={len(data)}'))
            seen[d]+=[seq,(seq+len(data)+('S' in fl)+('F' in fl))&M]
            if 'A' in fl: acked.append(ack)
        if rnd.random()<.15:
            state=rnd.choice(['ESTABLISHED','SYN_SENT','SYN_RECV','CLOSE','TIME_WAIT'])
            line=f"conntrack -I -p tcp -s {A6 if v6 else A4} -d {B6 if v6 else B4} --sport 1000 --dport 80 --state {state} -t 100"
            u=[x for x in ('SEEN_REPLY','ASSURED') if rnd.random()<.4]
            if u: line+=' -u '+','.join(u)
            st.append(('cmd',line))
        elif rnd.random()<.9: put('out','S',c,0,o=rnd.choice([b'',wscale(7),SACKOK]))
        if rnd.random()<.35:
            put('in','SA',s,(c+1)&M)
            if rnd.random()<.7: put('out','A',(c+1)&M,(s+1)&M)
        for k in range(rnd.randint(2,7)):
            d=rnd.choice(['out','in']); other='in' if d=='out' else 'out'
            kind=rnd.choice(['rst','rst','rst','ack','ack','syn','synack'])
            near=lambda pool: (rnd.choice(pool)+rnd.choice([0,0,0,0,1,-1]))&M
            last=seen['out'][-2:]+seen['in'][-2:]+acked[-1:]
            if kind=='rst': put(d,rnd.choice(['R','R','RA']),near(rnd.choice([last,acked,[0]])),near(rnd.choice([last,[0]])),win=rnd.choice([0,None]))
            elif kind=='ack': put(d,rnd.choice(['A','A','PA','FA']),rnd.choice([near(seen[d]),rnd.getrandbits(32)]),rnd.choice([near(seen[other]),rnd.getrandbits(32)]),rnd.choice([b'',b'',b'x'*5]))
            elif kind=='syn': put(d,'S',rnd.choice([near(seen[d]),rnd.getrandbits(32)]),0)
            else: put(d,'SA',rnd.choice([near(seen[d]),rnd.getrandbits(32)]),near(seen[other]))
        if rnd.random()<.1: sy['net.netfilter.nf_conntrack_tcp_ignore_invalid_rst']=1
        scen.append(record(f'reset-{seed}-{i}',st,sy))
    return scen

V1,V2=0x11111111,0x22222222
def init(it,t=1): return chunk(t,0,struct.pack('>IIHHI',it,1500,10,10,7))
P=lambda d,vt,*ch: (d, ip4(A4,B4,132,sctp(1000,2000,vt,*ch)) if d=='out' else ip4(B4,A4,132,sctp(2000,1000,vt,*ch)))
def sctp_to(state):
    st=[]
    if state=='NONE': return st
    if state=='HBS': return [P('out',V2,chunk(4,0,b'\0\1\0\10abcd'))+('HB',)]
    st.append(P('out',0,init(V1))+('INIT',))
    if state=='CLOSED': return st
    st.append(P('in',V1,init(V2,2))+('INITACK',))
    if state=='CW': return st
    st.append(P('out',V2,chunk(10,0,b'c'*8))+('CE',))
    if state=='CE': return st
    st.append(P('in',V1,chunk(11))+('CA',))
    if state=='EST': return st
    if state=='SR': return st+[P('in',V1,chunk(7,0,b'\0\0\0\1'))+('SHUTr',)]
    st.append(P('out',V2,chunk(7,0,b'\0\0\0\1'))+('SHUT',))
    if state=='SS': return st
    st.append(P('in',V1,chunk(8))+('SA',))
    return st

def ask_sctp(rnd, seed, n):
    scen = []
    for i in range(n):
        st=sctp_to(rnd.choice(['NONE','CLOSED','CW','CE','EST','EST','EST','SS','SR','SA','HBS']))
        if not st:
            chs=[rnd.choice([10,10,4,5,7,8,9,0,11])]+[rnd.choice([0,3,4,5,7,8,9]) for q in range(rnd.choice([0,0,1,2]))]
            vt=rnd.choice([0,0,22]); st=[P('out',vt,*[chunk(x,0,b'\0\0\0\1abcd') for x in chs])+(f'{chs} tag {vt:x}',)]
        for k in range(rnd.randint(2,8)):
            d=rnd.choice(['out','in']); 
            t=rnd.choice([0,1,2,3,4,5,6,7,8,9,10,11,14,14,6])
            vt=rnd.choice([V1,V2,V2 if d=='out' else V1,V2 if d=='out' else V1,0,0x55555555])
            if t==1 and rnd.random()<.8: vt=0
            ch=chunk(t,rnd.choice([0,0,0,1]),b'\0\0\0\1abcdefgh')
            if t in(1,2): ch=init(rnd.choice([V1,V2,0x33333333,0x44444444,0]),t)
            chs=[ch]
            if rnd.random()<.2: chs.append(chunk(rnd.choice([0,3,4,5,7,10,11,14])))
            st.append(P(d,vt,*chs)+(f'{[c[0] for c in chs]} tag {vt:x} fl {ch[1]}',))
        scen.append(record(f'sctpr-{seed}-{i}',st))
    return scen

def ask_errors(rnd, seed, n):
    """ICMP errors about known flows, which quote whole packets, first and later fragments, and packets cut short."""
    scen = []
    for i in range(n):
        v6=rnd.random()<.7; a,b=(A6,B6) if v6 else (A4,B4); st=[]
        def whole(src,dst,pr,seg): return ip6(src,dst,pr,seg) if v6 else ip4(src,dst,pr,seg)
        pr=rnd.choice([17,17,6,132,47,50,58 if v6 else 1])
        seg={17:lambda: udp_seg(a,b,1000,53,data=b'x'*60),6:lambda: tcp_seg(a,b,1000,80,'S',1000),132:lambda: sctp(1000,2000,0,init(7)),
             47:lambda: struct.pack('>HHHH',0,0x0800,4,77)+b'a'*40,50:lambda: struct.pack('>II',1,2)+b'e'*40,
             1:lambda: icmp(8,0,echo(7),b'p'*40),58:lambda: icmp6(a,b,128,0,echo(7),b'p'*40)}[pr]()
        st.append(('out',whole(a,b,pr,seg),f'proto {pr}'))
        for k in range(rnd.randint(3,6)):
            if v6:
                headers=[]; body=seg; nh=pr
                cut=rnd.choice([None,None,8,16,40,4,0]); body=body if cut is None else body[:cut]
                for q in range(rnd.choice([0,1,1,1,2,3])):
                    x=rnd.choice([44,44,44,60,43,51,0])
                    if x==44: body=struct.pack('>BBHI',nh,rnd.choice([0,0,0,255]),rnd.choice([0,1,1,1,2,7,8,9,0xfff9]),5)+body
                    elif x==51: body=bytes([nh,1])+b'\0\0'+b'\0'*8+body
                    elif x==43: body=bytes([nh,0,rnd.choice([0,253]),0,0,0,0,0])+body
                    else: body=bytes([nh,0,1,4,0,0,0,0])+body
                    nh=x; headers.append(x)
                inner=ip6(a,b,nh,body); t=rnd.choice([1,2,2,3,4])
                src=rnd.choice(['fd00:2::9',b])
                p=ip6(src,a,58,icmp6(src,a,t,0,b'\0\0\5\0',inner))
            else:
                inner=ip4(a,b,pr,seg,frag=rnd.choice([0,0x2000,0x2000,0x4000,0x6000,0x2001,5]),opts=rnd.choice([b'',b'',b'\1'*4]))
                inner=inner[:rnd.choice([None,None,28,24,20,32])]
                p=ip4(rnd.choice(['10.0.2.9',b]),a,1,icmp(rnd.choice([3,3,11,12,4,5]),rnd.choice([0,3,4]),b'\0\0\0\0',inner)); headers=[]
            st.append(('in',p,f'error about proto {pr}, headers {headers}'))
        scen.append(record(f'errors-{seed}-{i}',st))
    return scen

def ask_mixed(rnd, seed, n):
    scen = []
    def udp(d,sp=1000,dp=53,v6=False,**k):
        a,b=(A6,B6) if v6 else (A4,B4)
        if d=='in': a,b,sp,dp=b,a,dp,sp
        seg=udp_seg(a,b,sp,dp,**k)
        return (d, ip6(a,b,17,seg) if v6 else ip4(a,b,17,seg),f'udp {sp} {dp} v6={v6}')
    def rand_inner(v6):
        a,b=(A6,B6) if v6 else (A4,B4)
        if rnd.random()<.5: a,b=b,a
        pr=rnd.choice([17,6,1,58,132,47,253,50])
        if pr==17: seg=udp_seg(a,b,*(rnd.choice([(1000,53),(53,1000),(1,2)])))
        elif pr==6: seg=tcp_seg(a,b,*(rnd.choice([(1000,80),(80,1000)])),'A',1001,5001)
        elif pr in (1,58): seg=icmp(rnd.choice([8,0,128,129]),0,echo(7),b'') if not v6 else icmp6(a,b,rnd.choice([128,129]),0,echo(7))
        elif pr==47: seg=struct.pack('>HHHH',rnd.choice([0,0x3001,1]),rnd.choice([0x0800,0x880b]),0,77)
        else: seg=struct.pack('>HHII',1000,2000,1,2)
        if v6:
            p=ip6(a,b,pr,seg)
            if rnd.random()<.2: p=ip6(a,b,rnd.choice([0,60,43]),bytes([pr,0,1,4,0,0,0,0])+seg)
            if rnd.random()<.3:
                fr=lambda nh: struct.pack('>BBHI',nh,rnd.choice([0,0,7]),rnd.choice([0,1,1,1,2,6,8,9]),5)
                body=fr(pr)+seg; nh=44
                if rnd.random()<.2: body=fr(44)+body
                elif rnd.random()<.2: body=bytes([44,0,1,4,0,0,0,0])+body; nh=60
                elif rnd.random()<.2: body=fr(60)+bytes([pr,0,1,4,0,0,0,0])+seg
                p=ip6(a,b,nh,body)
        else: p=ip4(a,b,pr,seg,frag=rnd.choice([0,0,0,0,0x2000,5,0x4000]))
        if rnd.random()<.3: p=p[:rnd.choice([19,20,22,24,27,28,32,39,40,43,44,47,48,60])]
        return p
    for i in range(n):
        st=[]; sy={}
        for k in range(rnd.randint(3,10)):
            d=rnd.choice(['out','in']); v6=rnd.random()<.4
            a,b=(A6,B6) if v6 else (A4,B4)
            if d=='in': a,b=b,a
            kind=rnd.choice(['udp','udp','same','icmperr','icmperr','icmperr','icmp','gre','gen','tcp','v6x','udplite','frag'])
            if kind=='udp': st.append(udp(d,1000,53,v6,data=b'x'*rnd.choice([0,1,2,20]),badsum=rnd.random()<.05,nosum=rnd.random()<.1,length=rnd.choice([None,None,None,None,7,8,9,200])))
            elif kind=='same':
                x=A6 if v6 else A4; pr=rnd.choice([17,17,6,6,253,47])
                if pr==17: seg=udp_seg(x,x,5,5)
                elif pr==6: seg=tcp_seg(x,x,5,5,*rnd.choice([('S',1000,0),('SA',1000,1001),('A',1001,1001),('R',1001,0)]))
                else: seg=struct.pack('>HHHH',0,0x0800,4,77)
                st.append(('out',ip6(x,x,pr,seg) if v6 else ip4(x,x,pr,seg),f'one tuple both ways {pr}'))
            elif kind=='tcp':
                fl,sq,ak=rnd.choice([('S',1000,0),('A',1001,5001)]) if d=='out' else rnd.choice([('SA',5000,1001),('A',5001,1001)])
                sp,dp=(1000,80) if d=='out' else (80,1000)
                seg=tcp_seg(a,b,sp,dp,fl,sq,ak); st.append((d, ip6(a,b,6,seg) if v6 else ip4(a,b,6,seg),'tcp '+fl))
            elif kind=='icmperr':
                t=rnd.choice([3,3,3,4,5,11,12,1,2,6]); 
                if v6:
                    t=rnd.choice([1,1,2,3,4,0,5,100,127,137]); 
                    src=rnd.choice([a,a,'fd00:1::9' if d=='out' else 'fd00:2::9']); dst=rnd.choice([b,b,b,'fd00:2::7' if d=='out' else 'fd00:1::7'])
                    st.append((d,ip6(src,b,58,icmp6(src,b,t,rnd.choice([0,1,4]),b'\0\0\0\0',rand_inner(True),badsum=rnd.random()<.05)),f'icmp6 err {t}'))
                else:
                    src=rnd.choice([a,a,'10.0.1.9' if d=='out' else '10.0.2.9'])
                    st.append((d,ip4(src,b,1,icmp(t,rnd.choice([0,1,3,4]),b'\0\0\0\0',rand_inner(False),badsum=rnd.random()<.05)),f'icmp err {t}'))
            elif kind=='icmp':
                if v6: st.append((d,ip6(a,b,58,icmp6(a,b,rnd.choice([128,129,139,140,128,129]),rnd.choice([0,0,0,1]),echo(7),b'x'*rnd.choice([0,4]))),'icmp6'))
                else:
                    body=icmp(rnd.choice([8,0,8,0,13,14,15,16,17,18,9,10,7]),rnd.choice([0,0,0,1]),echo(7),b'x'*rnd.choice([0,4]))
                    if rnd.random()<.1: body=body[:rnd.choice([4,6,7])]
                    st.append((d,ip4(a,b,1,body),'icmp'))
            elif kind=='gre':
                g=struct.pack('>HHHH',rnd.choice([0,0x2000,1,0x3001,0x3081,2,5]),rnd.choice([0x0800,0x880b,0x6558]),4,rnd.choice([77,78]))+b'abcd'
                if rnd.random()<.2: g=g[:rnd.choice([0,1,3,4,6,7])]
                st.append((d,ip6(a,b,47,g) if v6 else ip4(a,b,47,g),'gre'))
            elif kind=='gen':
                pr=rnd.choice([4,33,50,89,253,1,58]); st.append((d,ip6(a,b,pr,b'x'*rnd.choice([0,4,20])) if v6 else ip4(a,b,pr,b'x'*rnd.choice([0,4,20])),f'proto {pr}'))
            elif kind=='udplite':
                seg=udp_seg(a,b,1000,53,proto=136,cov=rnd.choice([None,8,9,10,1,7,50]),pseudo_proto=rnd.choice([17,17,136]),nosum=rnd.random()<.1)
                st.append((d,ip4(a,b,136,seg) if not v6 else ip6(a,b,136,seg),'udplite'))
            elif kind=='v6x':
                a,b=(A6,B6) if d=='out' else (B6,A6)
                seg=udp_seg(a,b,1000 if d=='out' else 53,53 if d=='out' else 1000); nh=17; body=seg
                for q in range(rnd.randint(1,3)):
                    x=rnd.choice([60,60,51,44,43])
                    if x==60: body=bytes([nh,0,1,4,0,0,0,0])+body
                    elif x==43: body=bytes([nh,0,rnd.choice([253,0,2]),0,0,0,0,0])+body
                    elif x==51: body=bytes([nh,1])+b'\0\0'+b'\0'*8+body
                    else: body=struct.pack('>BBHI',nh,0,0,9)+body
                    nh=x
                if rnd.random()<.2: body=bytes([nh,0,1,4,0,0,0,0])+body; nh=0
                if rnd.random()<.15: body=body[:rnd.choice([4,7,8,12,16])]
                st.append((d,ip6(a,b,nh,body),f'v6 ext {nh}'))
            else:
                data=b'z'*rnd.choice([40,64,100])
                a4,b4=(A4,B4) if d=='out' else (B4,A4)
                seg=udp_seg(a4,b4,1000 if d=='out' else 53,53 if d=='out' else 1000,data=data); ident=rnd.choice([9,10,11])
                cuts=sorted(rnd.sample(range(8,len(seg)-1,8),rnd.choice([1,2])))
                pts=[0]+cuts+[len(seg)]
                fr=[]
                for x,y in zip(pts,pts[1:]):
                    fr.append((d,ip4(a4,b4,17,seg[x:y],ident=ident,frag=(x//8)|(0x2000 if y<len(seg) else 0)),f'frag {x}-{y} of {len(seg)} id {ident}'))
                rnd.shuffle(fr)
                if rnd.random()<.2: fr.append(rnd.choice(fr))
                if rnd.random()<.2: 
                    x=rnd.choice([0,8,16]); fr.insert(rnd.randint(0,len(fr)),(d,ip4(a4,b4,17,seg[x:x+24],ident=ident,frag=(x//8)|0x2000),f'overlap {x}-{x+24} id {ident}'))
                if rnd.random()<.1: fr.pop()
                st+=fr
        if rnd.random()<.1: sy['net.netfilter.nf_conntrack_checksum']=0
        scen.append(record(f'misc-{seed}-{i}',st,sy))
    return scen

def ask_fragments(rnd, seed, n):
    """Few datagrams in fragments of any order: repetitions, overlaps, fragments of odd and no length, atomic fragments, and (IPv4) sources
    that send more other fragments in between than ipfrag_max_dist."""
    scen = []
    for i in range(n):
        v6=rnd.random()<.5; st=[]; sy={}
        if not v6 and rnd.random()<.5: sy['net.ipv4.ipfrag_max_dist']=rnd.choice([0,1,2,3,4])
        sources=['fd00:1::2','fd00:1::9'] if v6 else [A4,'10.0.1.9']; b=B6 if v6 else B4
        whole={}
        def datagram(src,ident):
            if (src,ident) not in whole:
                data=b'z'*rnd.choice([24,40,56,61])
                whole[src,ident]=rnd.choice([udp_seg(src,b,1000+ident,53,data=data)]*3+[tcp_seg(src,b,1000+ident,80,'S',1,data=data)])
            return whole[src,ident]
        def put(src,ident,x,y,more):
            seg=datagram(src,ident); pr=17 if seg[2:4]==b'\0\x35' else 6; part=seg[x:y]
            if v6:
                body=struct.pack('>BBHI',pr,0,x|more,ident)+part; nh=44
                if ident==3: body=bytes([44,0,1,4,0,0,0,0])+body; nh=60
                p=ip6(src,b,nh,body)
            else: p=ip4(src,b,pr,part,ident=ident,frag=(x//8)|(0x2000 if more else 0))
            st.append(('out',p,f'{src} id {ident} {x}-{y} of {len(seg)}{" more" if more else ""}'))
        for k in range(rnd.randint(5,14)):
            src=rnd.choice([sources[0]]*4+[sources[1]]); ident=rnd.choice([1,1,1,2,3]); seg=datagram(src,ident); L=len(seg)
            how=rnd.random()
            if how<.25 and k<4:
                cuts=sorted(rnd.sample(range(8,L,8),min(rnd.choice([1,2,3,4]),len(range(8,L,8))))); pts=[0]+cuts+[L]
                fr=list(zip(pts,pts[1:])); rnd.shuffle(fr) if rnd.random()<.6 else None
                if rnd.random()<.4: fr.pop(rnd.randrange(len(fr)))
                for x,y in fr: put(src,ident,x,y,int(y<L))
            elif how<.9:
                x=rnd.choice(range(0,L,8)); y=min(L,x+rnd.choice([8,8,16,16,24,32,40]))
                put(src,ident,x,y,int(y<L))
            elif v6: # atomic, with and without payload
                put(src,ident,0,rnd.choice([0,8,16,20,24,L]),0)
            else:
                x=rnd.choice(range(0,L,8)); y=x+rnd.choice([0,4,7,9,20]); put(src,ident,x,min(y,L),rnd.choice([0,1]))
            if v6 and rnd.random()<.12: put(src,ident,0,rnd.choice([0,8,16,24,L]),0)
            if v6 and rnd.random()<.05: x=rnd.choice(range(0,L,8)); put(src,ident,x,min(L,x+rnd.choice([0,4,7,9])),rnd.choice([0,1]))
        scen.append(record(f'fragments-{seed}-{i}',st,sy))
    return scen

def ask_rules(rnd, seed, n):
    scen = []
    def udp(d,sp=1000,dp=53):
        a,b=(A4,B4)
        if d=='in': a,b,sp,dp=b,a,dp,sp
        return (d, ip4(a,b,17,udp_seg(a,b,sp,dp)),f'udp {sp} {dp}')
    def tcp(d,fl,sq,ak):
        a,b=(A4,B4) if d=='out' else (B4,A4)
        sp,dp=(1000,80) if d=='out' else (80,1000)
        return (d,ip4(a,b,6,tcp_seg(a,b,sp,dp,fl,sq,ak)),'tcp '+fl)
    def rule():
        m=rnd.choice(['-p udp','-p tcp','-i r0','-i r1','-s 10.0.1.2','-d 10.0.1.0/24','-s 10.0.2.2'])
        t=rnd.choice(['--notrack','--zone 5','--zone-orig 5','--zone-reply 5','--zone 7','--ctevents new','--ctevents new,destroy','--ctevents assured'])
        return f'iptables -t raw -A PREROUTING {m} -j CT {t}'
    for i in range(n):
        setup=[rule() for _ in range(rnd.randint(1,3))]
        st=[]
        for k in range(rnd.randint(3,8)):
            st.append(rnd.choice([udp('out'),udp('in'),tcp('out','S',1000,0),tcp('in','SA',5000,1001),tcp('out','A',1001,5001),
              ('in',ip4(B4,A4,1,icmp(3,3,b'\0\0\0\0',udp('out')[1])),'icmp err'),('in',ip4(B4,A4,1,icmp(3,1,b'\0\0\0\0',tcp('out','S',1000,0)[1])),'icmp err tcp')]))
            if rnd.random()<.1: st.append(('cmd','iptables -t raw -F'))
            if rnd.random()<.1: st.append(('cmd','conntrack -F'))
        scen.append(record(f'rules-{seed}-{i}',st,{'net.netfilter.nf_conntrack_events':1},setup))
    return scen

kind, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
asked = {'tcp': ask_tcp, 'reset': ask_reset, 'sctp': ask_sctp, 'errors': ask_errors, 'mixed': ask_mixed, 'fragments': ask_fragments, 'rules': ask_rules}[kind](random.Random(seed), seed, count)
json.dump({'kernel': f'Linux {platform.release()} {platform.machine()}', 'group': f'random {kind}, seed {seed}', 'scenarios': asked}, sys.stdout)
