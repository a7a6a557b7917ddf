package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The largest message that either side takes (operator/runtime/frame.h).
const maxFrame = 96 << 20

// readFrame returns the next message: four bytes of length, big endian, then that many bytes. io.EOF at the end of the stream.
func readFrame(in *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("the stream ends inside a message")
		}
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length > maxFrame {
		return nil, fmt.Errorf("a message of %d bytes is beyond the limit of %d", length, maxFrame)
	}
	message := make([]byte, length)
	if _, err := io.ReadFull(in, message); err != nil {
		return nil, fmt.Errorf("the stream ends inside a message: %w", err)
	}
	return message, nil
}

func writeFrame(out io.Writer, message []byte) error {
	frame := make([]byte, 4, 4+len(message))
	binary.BigEndian.PutUint32(frame, uint32(len(message)))
	_, err := out.Write(append(frame, message...))
	return err
}
