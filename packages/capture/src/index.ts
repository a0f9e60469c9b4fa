export { Capture, type CapturedPacket, type IpBatch, openCapture } from './capture.ts';
export type { CaptureInterface } from './format/capture-format.ts';
export { ipOffset, LinkType } from './link-type.ts';
export { type PacketToWrite, type PcapOptions, PcapWriter, pcapOf } from './pcap-writer.ts';
export type { ByteSource } from './window.ts';
