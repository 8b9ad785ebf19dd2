//! Messages that are encoded once and sent to many.

use std::marker::PhantomData;

use bytes::{Buf as _, BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

/// A message of type `M` in its wire form: bytes that many share, and what one
/// receiver's copy has besides. Concatenated encodings are the encoding of the
/// merged message.
#[derive(Debug)]
pub struct Encoded<M> {
    shared: Bytes,
    own: Bytes,
    message: PhantomData<fn() -> M>,
}

impl<M: Message> Encoded<M> {
    /// Encodes `message`.
    pub fn new(message: &M) -> Self {
        Self::from_bytes(message.encode_to_vec().into())
    }

    /// The same message with the fields that are set in `own`, which it has not.
    #[must_use]
    pub fn with(self, own: &M) -> Self {
        self.with_bytes(own.encode_to_vec().into())
    }

    /// As [`Encoded::with`], of fields that were encoded before.
    #[must_use]
    pub fn with_bytes(self, own: Bytes) -> Self {
        Self { own, ..self }
    }
}

impl<M> Encoded<M> {
    /// The message that another [`Encoded`] of the same type shared as `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { shared: bytes, own: Bytes::new(), message: PhantomData }
    }

    /// The bytes to be kept and shared.
    #[must_use]
    pub fn into_shared(self) -> Bytes {
        self.shared
    }
}

impl<M> Clone for Encoded<M> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), own: self.own.clone(), message: PhantomData }
    }
}

impl<M: Message + Default> Encoded<M> {
    /// The message again.
    ///
    /// # Errors
    /// Never for a value made by [`Encoded::new`].
    pub fn decode(&self) -> Result<M, prost::DecodeError> {
        M::decode(self.shared.clone().chain(self.own.clone()))
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
        buf.put_slice(&item.shared);
        buf.put_slice(&item.own);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{Freshness, WatchStatusesResponse};

    #[test]
    fn what_one_receiver_has_besides_is_merged() {
        let shared = WatchStatusesResponse { cursor: "c".into(), ..Default::default() };
        let freshness = Some(Freshness { synced: true, ..Default::default() });
        let own = WatchStatusesResponse { freshness: freshness.clone(), ..Default::default() };
        let bytes = Encoded::new(&shared).into_shared();
        let merged = Encoded::from_bytes(bytes).with(&own).decode().unwrap();
        assert_eq!(merged, WatchStatusesResponse { freshness, ..shared });
    }
}
