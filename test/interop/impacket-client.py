"""A round trip by impacket's client: impacket-client.py PORT USER PASSWORD DIALECT. Prints what it negotiated."""
import io, os, sys

from impacket.smbconnection import SMBConnection, SessionError

port, user, password, dialect = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4], 16)
connection = SMBConnection('127.0.0.1', '127.0.0.1', sess_port=port, preferredDialect=dialect)
try:
    connection.login(user, 'not ' + password)
    sys.exit('a wrong password was let in')
except SessionError as error:
    assert 'STATUS_LOGON_FAILURE' in str(error), error
connection = SMBConnection('127.0.0.1', '127.0.0.1', sess_port=port, preferredDialect=dialect)
connection.login(user, password)
data = os.urandom(300_001)
connection.createDirectory('share', 'folder')
connection.putFile('share', 'folder\\file', io.BytesIO(data).read)
back = io.BytesIO()
connection.getFile('share', 'folder\\file', back.write)
assert back.getvalue() == data
names = sorted(entry.get_longname() for entry in connection.listPath('share', 'folder\\*'))
assert names == ['.', '..', 'file'], names
connection.rename('share', 'folder\\file', 'folder\\moved')
connection.deleteFile('share', 'folder\\moved')
connection.deleteDirectory('share', 'folder')
print(hex(connection.getDialect()))
connection.logoff()
