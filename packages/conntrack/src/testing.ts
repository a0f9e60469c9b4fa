/** A UDP datagram over IPv4 whose checksums are 0: RFC 768, RFC 791. Addresses are the last byte of 10.0.0.0/24; `payload` is a number of zero bytes. */
export function udpDatagram({ from = 1, to = 2, sourcePort = 1000, destinationPort = 53, payload = 0 } = {}): DataView {
  const view = new DataView(new ArrayBuffer(28 + payload));
  view.setUint16(0, 0x4500);
  view.setUint16(2, view.byteLength);
  view.setUint8(8, 64);
  view.setUint8(9, 17);
  view.setUint32(12, 0x0a000000 + from);
  view.setUint32(16, 0x0a000000 + to);
  view.setUint16(20, sourcePort);
  view.setUint16(22, destinationPort);
  view.setUint16(24, 8 + payload);
  return view;
}
