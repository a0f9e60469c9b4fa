"""All that impacket's client can ask of a file server: impacket-client.py PORT USER PASSWORD DIALECT. Prints what it negotiated."""
import io, os, sys
from binascii import unhexlify

from impacket import smb, smb3structs
from impacket.dcerpc.v5 import srvs, transport, wkst
from impacket.ntlm import compute_nthash
from impacket.smbconnection import SessionError, SMBConnection

port, user, password, dialect = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4], 16)
share = 'share'


def connect():
    return SMBConnection('127.0.0.1', '127.0.0.1', sess_port=port, preferredDialect=dialect)


def refused(status, call, *words, **named):
    try:
        call(*words, **named)
    except SessionError as error:
        assert status in str(error), (call.__name__, words, error)
    else:
        sys.exit(f'{call.__name__} {words} was let pass')


# log-on
refused('STATUS_LOGON_FAILURE', connect().login, user, 'not ' + password)
refused('STATUS_LOGON_FAILURE', connect().login, 'nobody-knows', password)
by_hash = connect()
by_hash.login(user, '', nthash=compute_nthash(password).hex())
by_hash.logoff()
connection = connect()
connection.login(user, password)
assert not connection.isGuestSession()
refused('STATUS_BAD_NETWORK_NAME', connection.connectTree, 'none')

# pipes
names = [entry['shi1_netname'][:-1] for entry in connection.listShares()]
assert share in names and 'IPC$' in names, names


def bound(pipe, interface):
    rpc = transport.SMBTransport('127.0.0.1', filename=pipe, smb_connection=connection).get_dce_rpc()
    rpc.connect()
    rpc.bind(interface)
    return rpc


rpc = bound(r'\srvsvc', srvs.MSRPC_UUID_SRVS)
for level in (0, 1):
    entries = srvs.hNetrShareEnum(rpc, level)['InfoStruct']['ShareInfo'][f'Level{level}']['Buffer']
    assert share in [entry[f'shi{level}_netname'][:-1] for entry in entries], level
assert srvs.hNetrShareGetInfo(rpc, share + '\0', 1)['InfoStruct']['ShareInfo1']['shi1_netname'] == share + '\0'
assert srvs.hNetrServerGetInfo(rpc, 101)['InfoStruct']['ServerInfo101']['sv101_name'] != '\0'
try:
    srvs.hNetrShareGetInfo(rpc, 'none\0', 1)
except srvs.DCERPCSessionError as error:
    assert error.get_error_code() == 0x906, error  # NERR_NetNameNotFound
else:
    sys.exit('a share that is not there has information')
rpc.disconnect()
rpc = bound(r'\wkssvc', wkst.MSRPC_UUID_WKST)
assert wkst.hNetrWkstaGetInfo(rpc, 100)['WkstaInfo']['WkstaInfo100']['wki100_platform_id'] == 500
rpc.disconnect()

# files, as a user of the library sees them
data = os.urandom(3_000_001)
connection.createDirectory(share, 'folder')
refused('STATUS_OBJECT_NAME_COLLISION', connection.createDirectory, share, 'folder')
connection.putFile(share, 'folder\\file', io.BytesIO(data).read)
back = io.BytesIO()
connection.getFile(share, 'folder\\file', back.write)
assert back.getvalue() == data
entries = {entry.get_longname(): entry for entry in connection.listPath(share, 'folder\\*')}
assert sorted(entries) == ['.', '..', 'file'], entries
assert entries['file'].get_filesize() == len(data) and not entries['file'].is_directory()
assert entries['.'].is_directory()
connection.rename(share, 'folder\\file', 'folder\\moved')
assert [entry.get_longname() for entry in connection.listPath(share, 'folder\\MOV*')] == ['moved']
refused('STATUS_NO_SUCH_FILE', connection.listPath, share, 'folder\\none*')
refused('STATUS_OBJECT_NAME_NOT_FOUND', connection.getFile, share, 'folder\\none', back.write)
refused('STATUS_OBJECT_PATH_NOT_FOUND', connection.getFile, share, 'none\\none', back.write)
refused('STATUS_DIRECTORY_NOT_EMPTY', connection.deleteDirectory, share, 'folder')
refused('STATUS_FILE_IS_A_DIRECTORY', connection.deleteFile, share, 'folder')

# handles
tree = connection.connectTree(share)
handle = connection.createFile(tree, 'folder\\𝄞 handle.txt')
assert connection.writeFile(tree, handle, b'0123456789' * 1000, 0) == 10_000
assert connection.readFile(tree, handle, 9_995, 5) == b'56789'
standard = connection.queryInfo(tree, handle)
assert standard['EndOfFile'] == 10_000 and standard['NumberOfLinks'] == 1 and standard['Directory'] == 0, standard.fields
refused('STATUS_SHARING_VIOLATION', connection.openFile, tree, 'folder\\𝄞 handle.txt', shareMode=0)
connection.closeFile(tree, handle)
server = connection.getSMBServer()
handle = connection.openFile(tree, 'folder\\moved', desiredAccess=smb3structs.GENERIC_READ)
basic = server.queryInfo(tree, handle, fileInfoClass=smb3structs.SMB2_FILE_BASIC_INFO)
assert smb.SMBQueryFileBasicInfo(basic)['LastWriteTime'] > 130_000_000_000_000_000
space = server.queryInfo(tree, handle, infoType=smb3structs.SMB2_0_INFO_FILESYSTEM, fileInfoClass=7)  # FileFsFullSizeInformation
assert len(space) == 32, space
descriptor = server.queryInfo(tree, handle, infoType=smb3structs.SMB2_0_INFO_SECURITY, fileInfoClass=0, additionalInformation=7)
assert descriptor[0] == 1, descriptor
connection.closeFile(tree, handle)
# control codes: one that the server answers, and those that it must refuse without harm
for code in (0x00098344, 0x000900DC, 0x0009FFFF):
    handle = connection.openFile(tree, 'folder\\moved')
    try:
        server.ioctl(tree, handle, code, flags=smb3structs.SMB2_0_IOCTL_IS_FSCTL, inputBlob=b'\0' * 24)
    except Exception as error:
        assert 'STATUS_' in str(error), error
    connection.closeFile(tree, handle)
assert not any(connection.listSnapshots(tree, 'folder'))
connection.disconnectTree(tree)

connection.deleteFile(share, 'folder\\𝄞 handle.txt')
connection.deleteFile(share, 'folder\\moved')
connection.deleteDirectory(share, 'folder')
refused('STATUS_OBJECT_NAME_NOT_FOUND', connection.deleteFile, share, 'folder')
print(hex(connection.getDialect()))
connection.logoff()
