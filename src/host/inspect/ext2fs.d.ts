/** What this project uses of ext2fs: e2fsprogs' own library, as WebAssembly. */
declare module "ext2fs" {
  /** Where the filesystem lies; offsets and lengths are bytes. */
  export interface Disk {
    read(buffer: Buffer, bufferOffset: number, lengthBytes: number, offsetBytes: number): Promise<unknown>;
    write(buffer: Buffer, bufferOffset: number, lengthBytes: number, offsetBytes: number): Promise<unknown>;
    discard(offsetBytes: number, lengthBytes: number): Promise<void>;
    flush(): Promise<void>;
  }

  export interface FileHandle {
    fd: number;
    stat(): Promise<{ size: number; mode: number }>;
    /** From where the last read ended with a position of null. */
    read(buffer: Buffer, offset: number, lengthBytes: number, positionBytes: number | null): Promise<{ bytesRead: number }>;
  }

  export interface MountedFs {
    promises: {
      open(path: string, flags: number): Promise<FileHandle>;
      close(fd: number): Promise<void>;
      readdir(path: string, options: { encoding: "buffer" }): Promise<Buffer[]>;
    };
  }

  const ext2fs: { mount(disk: Disk): Promise<MountedFs>; umount(fs: MountedFs): Promise<void> };
  export default ext2fs;
}
