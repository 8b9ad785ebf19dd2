//! Messages that are encoded once and sent to many.

use std::marker::PhantomData;

use bytes::{BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

/// A message of type `M` in its wire form. Cloning shares the bytes.
#[derive(Debug)]
pub struct Encoded<M> {
    bytes: Bytes,
    message: PhantomData<fn() -> M>,
}

impl<M: Message> Encoded<M> {
    /// Encodes `message`.
    pub fn new(message: &M) -> Self {
        Self::from_bytes(message.encode_to_vec().into())
    }
}

impl<M> Encoded<M> {
    /// The message that another [`Encoded`] of the same type held as `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { bytes, message: PhantomData }
    }

    /// Its wire form, to be kept and shared.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl<M> Clone for Encoded<M> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), message: PhantomData }
    }
}

impl<M: Message + Default> Encoded<M> {
    /// The message again.
    ///
    /// # Errors
    /// Never for a value made by [`Encoded::new`].
    pub fn decode(&self) -> Result<M, prost::DecodeError> {
        M::decode(self.bytes.clone())
    }
}

/// A server's codec whose requests are `T`, and whose responses are already
/// [`Encoded`].
#[derive(Debug)]
pub struct EncodedCodec<T, M> {
    types: PhantomData<fn() -> (T, M)>,
}

impl<T, M> Default for EncodedCodec<T, M> {
    fn default() -> Self {
        Self { types: PhantomData }
    }
}

impl<T, M> Codec for EncodedCodec<T, M>
where
    T: Message + Default + 'static,
    M: 'static,
{
    type Encode = Encoded<M>;
    type Decode = T;
    type Encoder = EncodedEncoder<M>;
    type Decoder = <ProstCodec<T, T> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        EncodedEncoder { message: PhantomData }
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, T>::default().decoder()
    }
}

/// The encoder of [`EncodedCodec`]: it copies bytes.
#[derive(Debug)]
pub struct EncodedEncoder<M> {
    message: PhantomData<fn() -> M>,
}

impl<M> Encoder for EncodedEncoder<M> {
    type Item = Encoded<M>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.put_slice(&item.bytes);
        Ok(())
    }
}
