//! Messages that are encoded once and sent to many.

use std::marker::PhantomData;

use bytes::{BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

/// A message of type `M` in its wire form: parts that many share, and what one
/// receiver's copy has besides. Concatenated encodings are the encoding of the
/// merged message.
#[derive(Debug)]
pub struct Encoded<M> {
    parts: Parts,
    own: Bytes,
    message: PhantomData<fn() -> M>,
}

/// A message of changes in the basic view has one part: the commonest by far.
#[derive(Clone, Debug)]
enum Parts {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl<M: Message> Encoded<M> {
    /// Encodes `message`.
    pub fn new(message: &M) -> Self {
        Self::from_bytes(message.encode_to_vec().into())
    }
}

impl<M> Encoded<M> {
    /// The message that is encoded as `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { parts: Parts::One(bytes), own: Bytes::new(), message: PhantomData }
    }

    /// The message whose encoding these are, one behind the other.
    #[must_use]
    pub fn from_parts(parts: Vec<Bytes>) -> Self {
        Self { parts: Parts::Many(parts), own: Bytes::new(), message: PhantomData }
    }

    /// The same message with the fields that are encoded in `own`, which it has
    /// not.
    #[must_use]
    pub fn with_bytes(self, own: Bytes) -> Self {
        Self { own, ..self }
    }

    fn parts(&self) -> impl Iterator<Item = &Bytes> {
        let parts = match &self.parts {
            Parts::One(bytes) => std::slice::from_ref(bytes),
            Parts::Many(parts) => parts,
        };
        parts.iter().chain([&self.own])
    }
}

impl<M> Clone for Encoded<M> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone(), own: self.own.clone(), message: PhantomData }
    }
}

impl<M: Message + Default> Encoded<M> {
    /// The message again.
    ///
    /// # Errors
    /// Never for a value made by [`Encoded::new`].
    pub fn decode(&self) -> Result<M, prost::DecodeError> {
        let whole: Vec<u8> = self.parts().flatten().copied().collect();
        M::decode(whole.as_slice())
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
        item.parts().for_each(|part| buf.put_slice(part));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::status_event::Event;
    use crate::v1::{Status, StatusEvent, WatchStatusesResponse};

    #[test]
    fn what_one_receiver_has_besides_is_merged() {
        let event = |name: &str| StatusEvent {
            event: Some(Event::Item(Status { kind: name.to_owned(), ..Default::default() })),
        };
        let part = |name: &str| WatchStatusesResponse { events: vec![event(name)], ..Default::default() };
        let parts = ["a", "b"].map(|name| Bytes::from(part(name).encode_to_vec()));
        let own = WatchStatusesResponse { cursor: "c".into(), ..Default::default() };
        let merged = Encoded::<WatchStatusesResponse>::from_parts(parts.into())
            .with_bytes(own.encode_to_vec().into())
            .decode()
            .unwrap();
        assert_eq!(merged, WatchStatusesResponse { events: vec![event("a"), event("b")], ..own });
    }
}
